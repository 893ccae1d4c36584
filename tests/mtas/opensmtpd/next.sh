# OpenSMTPD 7.9 with MTA-STS.

. "$here/opensmtpd/build.sh"
obtain() { obtain_patched "$1" sid 7.9.0p0; }

. "$here/matrix.sh"
. "$here/opensmtpd/rows.sh"
