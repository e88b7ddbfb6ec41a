/*
 * Lays files out in a disk image, one partition each: packdisk SIGNATURE IMAGE FILE...
 *
 * The image starts with a classic partition table. Its signature is given, never drawn, and every
 * gap is zero, so the same files make the same image.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SECTOR 512
#define ALIGNMENT 8 /* sectors */
#define MAX_PARTITIONS 4
#define SIGNATURE_OFFSET 440
#define TABLE_OFFSET 446
#define ENTRY_SIZE 16
#define TYPE_LINUX 0x83

static void put_le32(unsigned char *place, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		place[i] = number >> (8 * i);
}

/* Append a file padded to whole sectors; give the number of sectors, 0 when it failed. */
static uint32_t append(FILE *image, const char *path)
{
	unsigned char sector[SECTOR];
	uint32_t sectors = 0;
	FILE *file = fopen(path, "rb");
	size_t got;

	if (!file)
		return 0;
	while ((got = fread(sector, 1, SECTOR, file)) > 0) {
		for (size_t i = got; i < SECTOR; i++)
			sector[i] = 0;
		if (fwrite(sector, 1, SECTOR, image) != SECTOR)
			return 0;
		sectors++;
	}
	fclose(file);
	return sectors;
}

static int pad(FILE *image, uint32_t *position)
{
	static const unsigned char zeros[SECTOR];

	for (; *position % ALIGNMENT; ++*position)
		if (fwrite(zeros, 1, SECTOR, image) != SECTOR)
			return -1;
	return 0;
}

static int pack(FILE *image, uint32_t signature, char **paths)
{
	unsigned char table[SECTOR] = { [510] = 0x55, [511] = 0xaa };
	unsigned char *entry = table + TABLE_OFFSET;
	uint32_t position = 1;

	put_le32(table + SIGNATURE_OFFSET, signature);
	if (fwrite(table, 1, SECTOR, image) != SECTOR || pad(image, &position) != 0)
		return -1;
	for (; *paths; paths++, entry += ENTRY_SIZE) {
		uint32_t sectors = append(image, *paths);

		if (sectors == 0) {
			perror(*paths);
			return -1;
		}
		entry[4] = TYPE_LINUX;
		put_le32(entry + 8, position);
		put_le32(entry + 12, sectors);
		position += sectors;
		if (pad(image, &position) != 0)
			return -1;
	}
	rewind(image);
	return fwrite(table, 1, SECTOR, image) == SECTOR ? 0 : -1;
}

int main(int argc, char **argv)
{
	FILE *image;
	int failed;

	if (argc < 4 || argc - 3 > MAX_PARTITIONS) {
		fprintf(stderr, "usage: packdisk SIGNATURE IMAGE FILE... (at most %d files)\n",
			MAX_PARTITIONS);
		return 2;
	}
	image = fopen(argv[2], "wb");
	if (!image) {
		perror(argv[2]);
		return 1;
	}
	failed = pack(image, strtoul(argv[1], NULL, 16), argv + 3);
	return fclose(image) != 0 || failed ? 1 : 0;
}
