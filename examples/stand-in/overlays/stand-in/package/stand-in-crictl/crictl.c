/*
 * Stands in for crictl: `crictl info`, `crictl images` and `crictl version` make one call of the
 * container runtime interface each, over containerd's socket, and print what came back. gRPC as far
 * as that takes: one stream of HTTP/2 without compression; an answer that is an error has no message.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET "/run/containerd/containerd.sock"
#define LARGEST 65535 /* what a peer may send before it is told to go on */

static unsigned char answer[LARGEST];
static size_t answered;

static void fail(const char *what)
{
	fprintf(stderr, "crictl: %s\n", what);
	exit(1);
}

static int dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	int to = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	alarm(10);
	if (to < 0 || connect(to, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("no container runtime at " SOCKET);
	return to;
}

static void send_all(int to, const void *data, size_t size)
{
	if (write(to, data, size) != (ssize_t)size)
		fail("the container runtime hung up");
}

static void receive(int from, unsigned char *data, size_t size)
{
	while (size) {
		ssize_t got = read(from, data, size);

		if (got <= 0)
			fail("the container runtime hung up");
		data += got;
		size -= got;
	}
}

static void send_frame(int to, int type, int flags, int stream, const void *data, size_t size)
{
	unsigned char head[9] = { size >> 16, size >> 8, size, type, flags, 0, 0, 0, stream };

	send_all(to, head, sizeof(head));
	if (size)
		send_all(to, data, size);
}

static size_t put(char *place, const char *head, size_t size, const char *text)
{
	memcpy(place, head, size);
	place[size] = strlen(text);
	memcpy(place + size + 1, text, strlen(text));
	return size + 1 + strlen(text);
}

/* Ask for METHOD with an empty message; the answer's message is then in `answer`. */
static void call(const char *method)
{
	char headers[256] = "\x83\x86"; /* POST, http */
	size_t size = 2;
	int to = dial();

	size += put(headers + size, "\x04", 1, method);
	size += put(headers + size, "\x01", 1, "localhost");
	size += put(headers + size, "\x0f\x10", 2, "application/grpc");
	size += put(headers + size, "\0\2te", 4, "trailers");
	send_all(to, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	send_frame(to, 4, 0, 0, NULL, 0);
	send_frame(to, 1, 4, 1, headers, size);
	send_frame(to, 0, 1, 1, "\0\0\0\0\0", 5);
	for (;;) {
		static unsigned char frame[1 << 24];
		unsigned char head[9];
		size_t length;

		receive(to, head, sizeof(head));
		length = head[0] << 16 | head[1] << 8 | head[2];
		receive(to, frame, length);
		if (head[3] == 4 && !(head[4] & 1)) /* SETTINGS */
			send_frame(to, 4, 1, 0, NULL, 0);
		if (head[3] == 6 && !(head[4] & 1)) /* PING */
			send_frame(to, 6, 1, 0, frame, length);
		if (head[3] == 0 && answered + length <= LARGEST) {
			memcpy(answer + answered, frame, length);
			answered += length;
		}
		if (head[3] == 3 || head[3] == 7) /* RST_STREAM, GOAWAY */
			fail("the container runtime refused");
		if (head[3] <= 1 && head[4] & 1) /* END_STREAM */
			break;
	}
	close(to);
	if (answered < 5)
		fail("the container runtime answered with an error");
}

static unsigned long number(const unsigned char **at)
{
	unsigned long value = 0;
	int shift = 0;

	do
		value |= (unsigned long)(**at & 127) << shift, shift += 7;
	while (*(*at)++ & 128);
	return value;
}

/* Call SHOW for each field WANTED (bytes) of a message. */
static void each(const unsigned char *at, size_t size, unsigned wanted,
		 void (*show)(const unsigned char *, size_t))
{
	const unsigned char *end = at + size;

	while (at < end) {
		unsigned long key = number(&at), value = number(&at);

		if ((key & 7) != 2)
			continue;
		if (value > (size_t)(end - at))
			fail("the container runtime's answer is cut off");
		if (key >> 3 == wanted)
			show(at, value);
		at += value;
	}
}

static void text(const unsigned char *at, size_t size)
{
	printf("%.*s\n", (int)size, at);
}

static void tags(const unsigned char *at, size_t size)
{
	each(at, size, 2, text);
}

/* RuntimeCondition: its type, a line, and whether it holds. */
static int unready;

static void condition(const unsigned char *at, size_t size)
{
	int holds = memmem(at, size, "\x10\x01", 2) != NULL;

	each(at, size, 1, text);
	printf("  %s\n", holds ? "true" : "false");
	if (!holds && memmem(at, size, "RuntimeReady", 12))
		unready = 1;
}

static void status(const unsigned char *at, size_t size)
{
	each(at, size, 1, condition);
}

int main(int argc, char **argv)
{
	const char *verb = argc == 2 ? argv[1] : "";

	if (!strcmp(verb, "info")) {
		call("/runtime.v1.RuntimeService/Status");
		each(answer + 5, answered - 5, 1, status);
	} else if (!strcmp(verb, "images")) {
		call("/runtime.v1.ImageService/ListImages");
		each(answer + 5, answered - 5, 1, tags);
	} else if (!strcmp(verb, "version")) {
		call("/runtime.v1.RuntimeService/Version");
		each(answer + 5, answered - 5, 2, text);
		each(answer + 5, answered - 5, 3, text);
	} else {
		fprintf(stderr, "usage: crictl info|images|version (a stand-in for crictl)\n");
		return 2;
	}
	return unready;
}
