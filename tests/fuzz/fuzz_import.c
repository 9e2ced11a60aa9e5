/* SPDX-License-Identifier: MIT */
/*
 * fuzz_import - configurations of other programs, as anybody may write them
 *
 * The first byte chooses the program.  What stands behind the first NUL is the
 * text of every file that the first one names or that lies beside it; for git
 * it is a list as git itself makes it.
 */
#include "base/base.h"

#include "cli/import.h"

#include <errno.h>

#define CHECK(cond) do { \
	if (!(cond)) \
		__builtin_trap(); \
} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct beside {
	const uint8_t *data;
	size_t size;
	unsigned calls;
};

static int
read_beside(void *ctx, const char *path, char **ret_text, size_t *ret_len)
{
	struct beside *b = ctx;

	CHECK(path != NULL);
	if (b->data == NULL)
		return ENOENT;
	if (++b->calls % 5 == 0)
		return EISDIR;
	*ret_text = malloc(b->size + 1);
	CHECK(*ret_text != NULL);
	memcpy(*ret_text, b->data, b->size);
	*ret_len = b->size;
	return 0;
}

struct lines {
	unsigned last;
	unsigned secrets;
};

static void
on_line(void *ctx, unsigned line, struct import_account *account,
    struct import_entry *entry)
{
	struct lines *l = ctx;

	CHECK(line == ++l->last);
	CHECK(entry == NULL || account != NULL);
	if (entry == NULL)
		return;
	CHECK(entry->at.file != NULL && entry->value[0] != '\0');
	/* a line stays one */
	for (const char *p = entry->value; *p != '\0'; p++)
		CHECK((unsigned char)*p >= 0x20);
	l->secrets += entry->secret;
}

static void
check_result(struct import *im)
{
	struct cli_text text = { NULL, 0, 0, false };
	struct lines l = { 0, 0 };
	unsigned count = 0;
	bool hidden = false;

	import_render(im, "title", true, &text, &hidden, on_line, &l);
	CHECK(!hidden && !text.failed);
	for (size_t i = 0; i < text.len; i++) {
		CHECK(text.ptr[i] != '\0');
		count += text.ptr[i] == '\n';
	}
	CHECK(count == l.last);
	text.len = 0;
	import_render(im, "title", false, &text, &hidden, NULL, NULL);
	CHECK(hidden == (l.secrets != 0));
	cli_text_free(&text);
	for (const struct import_note *n = im->notes; n != NULL; n = n->next)
		CHECK(n->at.file != NULL && n->text[0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct import_program *const programs[] = {
		&import_msmtp, &import_ssmtp, &import_esmtp, &import_dma,
		&import_nullmailer, &import_git,
	};
	const struct import_program *program;
	struct beside beside = { NULL, 0, 0 };
	const char *why = NULL;
	const uint8_t *end;
	struct import im;
	size_t len;
	char *text;

	if (size == 0)
		return 0;
	/* they are pointers */
	/* NOLINTNEXTLINE(bugprone-sizeof-expression) */
	program = programs[data[0] % (sizeof(programs) / sizeof(*programs))];
	data++;
	size--;
	end = size == 0 ? NULL : memchr(data, '\0', size);
	len = end == NULL ? size : (size_t)(end - data);
	if (end != NULL) {
		beside.data = end + 1;
		beside.size = size - len - 1;
	}
	import_init(&im);
	im.login = "ada";
	im.home = "/home/ada";
	im.read = read_beside;
	im.ctx = &beside;
	/* of just the right size */
	text = malloc(len + (len == 0));
	CHECK(text != NULL);
	memcpy(text, data, len);
	if (import_text(&im, program, "dir/file", text, len, &why) == 0) {
		if (program == &import_git && beside.data != NULL)
			(void)import_git_list(&im, (const char *)beside.data,
			    beside.size);
		import_finish(&im, program);
		CHECK(!im.failed);
		check_result(&im);
	} else {
		CHECK(why != NULL);
	}
	free(text);
	import_clear(&im);
	return 0;
}
