#ifndef APPLETS_H
#define APPLETS_H

struct applet {
	const char *name;
	const char *usage;
	int (*run)(int argc, char **argv);
};

/* Ends with an entry without a name. */
extern const struct applet applets[];

#endif
