#ifndef GLYPH_H
#define GLYPH_H

#define GLYPH_ROWS 5

/* Print text in large letters, GLYPH_ROWS lines high; what has no glyph becomes a gap. */
void glyph_print(const char *text);

#endif
