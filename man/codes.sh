#!/bin/sh
# Writes attestmdm-codes(7) from lib/base/err.def. Usage: man/codes.sh err.def
set -eu

cat <<'PAGE'
.Dd November 27, 2026
.Dt ATTESTMDM-CODES 7
.Os
.Sh NAME
.Nm attestmdm-codes
.Nd what refusals mean and what to do about them
.Sh DESCRIPTION
Each refusal has a code.
.Ic attestmdm enrollment show ,
.Ic attestmdm enrollment list --refused
and the Refusals page show it beside the reason; in the journal it is before the
reason.
This page lists the codes and what an administrator should do about each.
PAGE
awk '
/^\/\* .* \*\/$/ {
	if (open)
		print ".El"
	heading = substr($0, 4, length($0) - 6)
	printf ".Ss %s\n.Bl -tag -width Ds\n", heading
	open = 1
}
/^ERR\(/ {
	name = $0
	sub(/^ERR\(/, "", name)
	sub(/,.*/, "", name)
	printf ".It Dv %s\n", name
}
/^\t".*"\)$/ {
	advice = substr($0, 3, length($0) - 4)
	gsub(/-/, "\\-", advice)
	# One sentence a line, as mandoc wants it.
	gsub(/\. /, ".\n", advice)
	print advice
}
END { print ".El" }
' "$1"
cat <<'PAGE'
.Sh SEE ALSO
.Xr attestmdm 8
PAGE
