# OpenSMTPD 7.6 with MTA-STS: a release tarball.

. "$here/opensmtpd/build.sh"
obtain() { obtain_patched "$1" trixie 7.6.0p1; }

. "$here/matrix.sh"
. "$here/opensmtpd/rows.sh"
