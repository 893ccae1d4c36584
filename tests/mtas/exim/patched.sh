# Exim 4.96, which is Debian 12's, with OpenSSL.

obtain() { obtain_patched "$1" 4.96 openssl; }

. "$here/exim/patch.sh"
