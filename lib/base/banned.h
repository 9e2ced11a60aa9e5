/* SPDX-License-Identifier: MIT */
/*
 * banned.h - functions whose use is a compile error everywhere in mailchute
 *
 * base.h includes every system header that declares one of them before this
 * file, so the macros never meet a declaration.  tests/lint/banned.sh checks
 * the longer list that holds for lib/ on the compiled objects.
 */
#ifndef MC_BANNED_H
#define MC_BANNED_H

#define MC_BANNED(f) sorry_##f##_is_banned

#undef strcpy
#define strcpy(d, s) MC_BANNED(strcpy)
#undef strcat
#define strcat(d, s) MC_BANNED(strcat)
#undef strncpy
#define strncpy(d, s, n) MC_BANNED(strncpy)
#undef strncat
#define strncat(d, s, n) MC_BANNED(strncat)
#undef stpcpy
#define stpcpy(d, s) MC_BANNED(stpcpy)
#undef sprintf
#define sprintf(...) MC_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) MC_BANNED(vsprintf)
#undef gets
#define gets(s) MC_BANNED(gets)
#undef strtok
#define strtok(s, d) MC_BANNED(strtok)
#undef strtok_r
#define strtok_r(s, d, p) MC_BANNED(strtok_r)
#undef system
#define system(c) MC_BANNED(system)
#undef popen
#define popen(c, m) MC_BANNED(popen)
#undef tmpnam
#define tmpnam(s) MC_BANNED(tmpnam)
#undef mktemp
#define mktemp(s) MC_BANNED(mktemp)
#undef alloca
#define alloca(n) MC_BANNED(alloca)
#undef atoi
#define atoi(s) MC_BANNED(atoi)
#undef atol
#define atol(s) MC_BANNED(atol)
#undef rand
#define rand() MC_BANNED(rand)
#undef random
#define random() MC_BANNED(random)
#undef signal
#define signal(s, h) MC_BANNED(signal)

#endif
