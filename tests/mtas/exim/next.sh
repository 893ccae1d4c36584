# The newest Exim 4.100 that Debian has, with OpenSSL.

obtain() { obtain_patched "$1" 4.100 openssl; }

. "$here/exim/patch.sh"
