# Exim 4.96, which is Debian 12's, with GnuTLS, as Debian builds it.

obtain() { obtain_patched "$1" 4.96 gnutls; }

. "$here/exim/patch.sh"
