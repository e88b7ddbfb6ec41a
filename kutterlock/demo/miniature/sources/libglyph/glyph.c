#include "glyph.h"

#include <ctype.h>
#include <stdio.h>

#define COLUMNS 3

/* Five rows of three bits each, top row first; bit 14 is the top left corner. */
static const unsigned short letters[26] = {
	['A' - 'A'] = 025755, ['B' - 'A'] = 065656, ['C' - 'A'] = 034443, ['D' - 'A'] = 065556,
	['E' - 'A'] = 074647, ['F' - 'A'] = 074644, ['G' - 'A'] = 034553, ['H' - 'A'] = 055755,
	['I' - 'A'] = 072227, ['J' - 'A'] = 011152, ['K' - 'A'] = 055655, ['L' - 'A'] = 044447,
	['M' - 'A'] = 057755, ['N' - 'A'] = 065555, ['O' - 'A'] = 025552, ['P' - 'A'] = 065644,
	['Q' - 'A'] = 025563, ['R' - 'A'] = 065655, ['S' - 'A'] = 034216, ['T' - 'A'] = 072222,
	['U' - 'A'] = 055557, ['V' - 'A'] = 055552, ['W' - 'A'] = 055775, ['X' - 'A'] = 055255,
	['Y' - 'A'] = 055222, ['Z' - 'A'] = 071247,
};

static void print_row(unsigned short glyph, int row)
{
	for (int column = 0; column < COLUMNS; column++) {
		int bit = (GLYPH_ROWS - row) * COLUMNS - 1 - column;

		putchar(glyph >> bit & 1 ? '#' : ' ');
	}
	putchar(' ');
}

void glyph_print(const char *text)
{
	for (int row = 0; row < GLYPH_ROWS; row++) {
		for (const char *c = text; *c; c++) {
			int upper = toupper((unsigned char)*c);

			print_row(upper >= 'A' && upper <= 'Z' ? letters[upper - 'A'] : 0, row);
		}
		putchar('\n');
	}
}
