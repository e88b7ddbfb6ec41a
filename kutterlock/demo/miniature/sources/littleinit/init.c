/* The first process: greets, asks for a name, and lets nobody in. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *value(const char *variable, const char *otherwise)
{
	const char *text = getenv(variable);

	return text && *text ? text : otherwise;
}

int main(void)
{
	char name[64];

	printf("littleinit %s\n", VERSION);
	printf("\n%s\n", value("MINI_ISSUE", "Welcome"));
	for (;;) {
		printf("%s user: ", value("MINI_HOSTNAME", "(none)"));
		fflush(stdout);
		if (!fgets(name, sizeof(name), stdin))
			break;
		name[strcspn(name, "\n")] = '\0';
		printf("%s: unknown user\n", name);
	}
	putchar('\n');
	return 0;
}
