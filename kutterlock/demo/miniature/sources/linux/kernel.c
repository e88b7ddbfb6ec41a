/* Boots an initial RAM file system: kernel.bin ROOTFS.CPIO prints a banner and becomes its init. */

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"

#define HEADER_SIZE 110 /* of a member in the "newc" format */
#define SIZE_FIELD 54
#define NAME_SIZE_FIELD 94

struct span {
	const char *start;
	size_t size;
};

static const char *const drivers[] = {
#ifdef CONFIG_SERIAL
	"serial",
#endif
#ifdef CONFIG_VIRTIO
	"virtio",
#endif
#ifdef CONFIG_WATCHDOG
	"watchdog",
#endif
	NULL
};

static void banner(void)
{
	printf("Linux version %s (%s) (gcc %s) #1 %s %s\n", VERSION, BUILDER, __VERSION__,
	       __DATE__, __TIME__);
	printf("Machine: %s\nCommand line: %s\n", ARCH, CONFIG_CMDLINE);
	for (int i = 0; drivers[i]; i++)
		printf("%s: registered\n", drivers[i]);
}

static struct span read_whole(const char *path)
{
	struct span image = { NULL, 0 };
	FILE *file = fopen(path, "rb");
	char *data;

	if (!file || fseek(file, 0, SEEK_END) != 0)
		return image;
	image.size = ftell(file);
	rewind(file);
	data = malloc(image.size);
	if (!data || fread(data, 1, image.size, file) != image.size)
		image.size = 0;
	image.start = data;
	fclose(file);
	return image;
}

static size_t hex_field(const char *field)
{
	char text[9] = { 0 };

	memcpy(text, field, 8);
	return strtoul(text, NULL, 16);
}

static size_t aligned(size_t offset)
{
	return (offset + 3) & ~(size_t)3;
}

static struct span find(struct span image, const char *name)
{
	struct span none = { NULL, 0 };
	size_t offset = 0;

	while (offset + HEADER_SIZE < image.size) {
		const char *header = image.start + offset;
		size_t size = hex_field(header + SIZE_FIELD);
		size_t data = aligned(offset + HEADER_SIZE + hex_field(header + NAME_SIZE_FIELD));

		if (data > image.size || size > image.size - data)
			return none;
		if (strcmp(header + HEADER_SIZE, name) == 0)
			return (struct span){ image.start + data, size };
		offset = aligned(data + size);
	}
	return none;
}

/* Our init runs in a process, not on a machine of its own: it gets its files by environment. */
static void export_line(struct span image, const char *name, const char *variable)
{
	struct span file = find(image, name);
	size_t length = 0;
	char *line;

	while (length < file.size && file.start[length] != '\n')
		length++;
	line = strndup(file.start ? file.start : "", length);
	if (line)
		setenv(variable, line, 1);
}

static int panic(const char *reason)
{
	fprintf(stderr, "Kernel panic - not syncing: %s\n", reason);
	return 1;
}

int main(int argc, char **argv)
{
	struct span image, init;
	int memory;

	banner();
	if (argc < 2)
		return panic("no initial RAM file system given");
	image = read_whole(argv[1]);
	init = find(image, "sbin/init");
	if (!init.start)
		return panic("no working init found");
	memory = memfd_create("init", MFD_CLOEXEC);
	if (memory < 0 || write(memory, init.start, init.size) != (ssize_t)init.size)
		return panic("out of memory");
	export_line(image, "etc/hostname", "MINI_HOSTNAME");
	export_line(image, "etc/issue", "MINI_ISSUE");
	puts("Run /sbin/init as init process");
	fflush(stdout);
	fexecve(memory, (char *[]){ "/sbin/init", NULL }, environ);
	return panic("init cannot be started");
}
