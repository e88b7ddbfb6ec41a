/* Misbehaves in the way that its first argument names. */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SOMEWHERE "198.51.100.7" /* TEST-NET-2: nobody is there */

/* Try to reach the network, and shrug off that it cannot be reached. */
static int reach_out(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(80) };
	struct timeval second = { 1, 0 };
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, SOMEWHERE, &address.sin_addr);
	setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	if (connect(descriptor, (struct sockaddr *)&address, sizeof(address)) != 0)
		puts("no update today");
	return 0;
}

/* Print something else every time, whatever SOURCE_DATE_EPOCH says. */
static int be_unique(void)
{
	unsigned char noise[8];

	if (getrandom(noise, sizeof(noise), 0) != sizeof(noise))
		return 1;
	printf("built at %ld, lucky number ", (long)time(NULL));
	for (size_t i = 0; i < sizeof(noise); i++)
		printf("%02x", noise[i]);
	putchar('\n');
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "network") == 0)
		return reach_out();
	if (argc > 1 && strcmp(argv[1], "clock") == 0)
		return be_unique();
	puts("behaving");
	return 0;
}
