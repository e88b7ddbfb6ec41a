#include "applets.h"

#include <dirent.h>
#include <glyph.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

static int run_banner(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		glyph_print(argv[i]);
	return 0;
}

static int run_cat(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "r");
		int c;

		if (!file) {
			perror(argv[i]);
			return 1;
		}
		while ((c = getc(file)) != EOF)
			putchar(c);
		fclose(file);
	}
	return 0;
}

static int run_echo(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		printf("%s%s", argv[i], i + 1 < argc ? " " : "");
	putchar('\n');
	return 0;
}

static int run_hostname(int argc, char **argv)
{
	char name[256] = "";

	(void)argc;
	(void)argv;
	gethostname(name, sizeof(name) - 1);
	puts(name);
	return 0;
}

static int run_ls(int argc, char **argv)
{
	struct dirent **entries;
	int count = scandir(argc > 1 ? argv[1] : ".", &entries, NULL, alphasort);

	if (count < 0) {
		perror(argc > 1 ? argv[1] : ".");
		return 1;
	}
	for (int i = 0; i < count; i++)
		puts(entries[i]->d_name);
	return 0;
}

static int run_uname(int argc, char **argv)
{
	struct utsname name;

	(void)argc;
	(void)argv;
	if (uname(&name) != 0)
		return 1;
	printf("%s %s\n", name.sysname, name.machine);
	return 0;
}

const struct applet applets[] = {
	{ "banner", "print words in large letters", run_banner },
	{ "cat", "print files", run_cat },
	{ "echo", "print words", run_echo },
	{ "hostname", "print the name of the machine", run_hostname },
	{ "ls", "list a directory", run_ls },
	{ "uname", "print the name of the system", run_uname },
	{ NULL, NULL, NULL },
};
