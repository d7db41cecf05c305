# Adds each flag to a variable when the compiler and the linker both take it.
AC_DEFUN([ATTESTMDM_TRY_FLAG], [
  saved_flags=$CFLAGS
  CFLAGS="$CFLAGS $2 -Werror"
  AC_MSG_CHECKING([whether $CC takes $2])
  AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
    [AC_MSG_RESULT([yes]); $1="$$1 $2"], [AC_MSG_RESULT([no])])
  CFLAGS=$saved_flags
])

AC_DEFUN([ATTESTMDM_FLAGS], [
  for flag in -std=c11 -Wall -Wextra -Wshadow -Wconversion -Wformat -Wformat-security -Wvla \
      -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
      -Wpointer-arith -Wundef -Wcast-qual -Wno-unused-parameter \
      -Wno-string-concatenation \
      -fstack-protector-strong -fPIE -fno-strict-aliasing \
      -ftrivial-auto-var-init=zero; do
    ATTESTMDM_TRY_FLAG([HOUSE_CFLAGS], [$flag])
  done
  for flag in -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack; do
    ATTESTMDM_TRY_FLAG([HOUSE_LDFLAGS], [$flag])
  done
  AS_IF([test "$enable_werror" = yes], [HOUSE_CFLAGS="$HOUSE_CFLAGS -Werror"])
  AS_IF([test "$enable_sanitizers" = yes || test "$enable_fuzzers" = yes], [
    HOUSE_CFLAGS="$HOUSE_CFLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
    HOUSE_LDFLAGS="$HOUSE_LDFLAGS -fsanitize=address,undefined"
  ], [test "$enable_coverage" = no], [
    # (glibc wants an optimizing compiler for this)
    HOUSE_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"
  ])
  FUZZ_MAIN=t/fuzz/libreplay.a
  AS_IF([test "$enable_fuzzers" = yes], [
    HOUSE_CFLAGS="$HOUSE_CFLAGS -fsanitize=fuzzer-no-link"
    FUZZ_MAIN=-fsanitize=fuzzer
  ])
  AS_IF([test "$enable_coverage" = yes], [
    HOUSE_CFLAGS="$HOUSE_CFLAGS --coverage"
    HOUSE_LDFLAGS="$HOUSE_LDFLAGS --coverage"
  ])
  AC_SUBST([HOUSE_CFLAGS])
  AC_SUBST([HOUSE_LDFLAGS])
  AC_SUBST([HOUSE_CPPFLAGS])
  AC_SUBST([FUZZ_MAIN])
])
