/*
 * Applies unified diffs from standard input to the files below the working directory.
 *
 * The first component of each path is dropped. Every line of context must match at the very place
 * that the diff names: there is no fuzz, and nothing is changed when a hunk does not fit.
 */

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lines {
	char **line;
	size_t count;
};

static void die(const char *reason, const char *detail)
{
	fprintf(stderr, "minipatch: %s: %s\n", reason, detail);
	exit(1);
}

static struct lines read_lines(FILE *file)
{
	struct lines all = { NULL, 0 };
	size_t room = 0;
	char *line = NULL;

	while (getline(&line, &room, file) >= 0) {
		all.line = realloc(all.line, (all.count + 1) * sizeof(*all.line));
		if (!all.line)
			die("out of memory", "reading lines");
		all.line[all.count++] = line;
		line = NULL;
		room = 0;
	}
	free(line);
	return all;
}

/* "+++ b/dir/file<TAB>date" -> "dir/file" */
static char *target_of(const char *header)
{
	char *path = strdup(header + strlen("+++ "));
	char *slash;

	path[strcspn(path, "\t\n")] = '\0';
	slash = strchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Write one hunk's outcome, and move both positions behind it. */
static void apply_hunk(FILE *output, struct lines old, size_t *position, struct lines diff, size_t *next)
{
	unsigned long start, length = 1, written = 0, added = 1;
	const char *header = diff.line[*next];
	const char *plus = strstr(header, " +");

	if (sscanf(header, "@@ -%lu,%lu", &start, &length) < 1 || !plus)
		die("not a hunk", header);
	sscanf(plus, " +%*u,%lu", &added);
	for (; *position + 1 < start && *position < old.count; ++*position)
		fputs(old.line[*position], output);
	for (++*next; length > 0 || written < added; ++*next) {
		char *line = *next < diff.count ? diff.line[*next] : "";

		if (*line != '+') {
			if (!*line || *position >= old.count || strcmp(old.line[*position], line + 1) != 0)
				die("hunk does not fit", line);
			++*position;
			length--;
		}
		if (*line != '-') {
			fputs(line + 1, output);
			written++;
		}
	}
}

static void apply_file(const char *path, struct lines diff, size_t *next)
{
	FILE *input = fopen(path, "r");
	size_t position = 0, size;
	struct lines old;
	char *text;
	FILE *output = open_memstream(&text, &size);

	if (!input || !output)
		die("cannot read", path);
	old = read_lines(input);
	fclose(input);
	while (*next < diff.count && strncmp(diff.line[*next], "@@ ", 3) == 0)
		apply_hunk(output, old, &position, diff, next);
	for (; position < old.count; position++)
		fputs(old.line[position], output);
	fclose(output);
	output = fopen(path, "w");
	if (!output || fwrite(text, 1, size, output) != size || fclose(output) != 0)
		die("cannot write", path);
}

int main(void)
{
	struct lines diff = read_lines(stdin);
	size_t next = 0, files = 0;

	while (next < diff.count) {
		char *line = diff.line[next++];

		if (strncmp(line, "+++ ", 4) != 0)
			continue;
		apply_file(target_of(line), diff, &next);
		files++;
	}
	if (files == 0)
		die("nothing to do", "no file header in the patch");
	return 0;
}
