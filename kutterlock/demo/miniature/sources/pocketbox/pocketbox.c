/* Many small commands in one program, chosen by the name that it is called by. */

#include <stdio.h>
#include <string.h>

#include "applets.h"

static const struct applet *find(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	for (const struct applet *applet = applets; applet->name; applet++)
		if (strcmp(applet->name, name) == 0)
			return applet;
	return NULL;
}

static int usage(void)
{
	printf("pocketbox %s\n", VERSION);
	for (const struct applet *applet = applets; applet->name; applet++)
#ifdef VERBOSE_USAGE
		printf("  %-10s %s\n", applet->name, applet->usage);
#else
		printf("  %s\n", applet->name);
#endif
	return 0;
}

int main(int argc, char **argv)
{
	const struct applet *applet = find(argv[0]);

	if (!applet && argc > 1) {
		applet = find(*++argv);
		argc--;
	}
	return applet ? applet->run(argc, argv) : usage();
}
