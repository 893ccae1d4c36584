/* Checks for the C tests: each says where it stands, what was expected and what came. */
#ifndef CHECK_H
#define CHECK_H

#include <mtasts.h>
#include <stdio.h>
#include <string.h>

/* What the header promises of every text: a NUL at data[len], and no control character. */
bool is_safe_text(mtasts_str text);

/* Ends a test program: its last line, and its exit status. */
int checks_end(const char *program);

/* The exit status alone, for a process that has nowhere to print to. */
int checks_status(void);

/* Threads may check too. What fails is printed at once, so that fork() and _exit() lose nothing. */
void check_true(bool holds, const char *expression, const char *file, int line);
void check_number(int64_t got, int64_t want, const char *expression, const char *file, int line);
void check_result(mtasts_result got, mtasts_result want, const char *call, const char *file, int line);
void check_text(mtasts_str got, const char *want, const char *expression, const char *file, int line);

#define CHECK(condition) check_true((condition), #condition, __FILE__, __LINE__)
#define CHECK_NUMBER(got, want) check_number((int64_t)(got), (int64_t)(want), #got, __FILE__, __LINE__)
#define CHECK_RESULT(call, want) check_result((call), (want), #call, __FILE__, __LINE__)
#define CHECK_OK(call) CHECK_RESULT(call, MTASTS_OK)
#define CHECK_TEXT(got, want) check_text((got), (want), #got, __FILE__, __LINE__)

/* A string literal as the pointer and length that the library takes, as text or as octets. */
#define TEXT(literal) (literal), (sizeof(literal) - 1)
#define OCTETS(literal) (const uint8_t *)(literal), (sizeof(literal) - 1)

#endif
