# The newest Exim 4.100 that Debian has, with GnuTLS, as Debian builds it.

obtain() { obtain_patched "$1" 4.100 gnutls; }

. "$here/exim/patch.sh"
