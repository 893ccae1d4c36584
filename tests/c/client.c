/* The client of the daemon:
 *
 *   client bad DIRECTORY     against servers that do what they should not
 *   client life DIRECTORY    in processes to which things happen; DIRECTORY/empty is empty
 *   client life-unfiltered DIRECTORY
 *                            the same for Valgrind and AddressSanitizer
 *   client obey SOCKET       as the lines on standard input say: "ask DOMAIN", "start DOMAIN", "bounce DOMAIN" */
#include "client.h"

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "bad") == 0) {
        bad_servers(argv[2]);
    } else if (argc == 3 && strcmp(argv[1], "life") == 0) {
        lives(argv[2], true);
    } else if (argc == 3 && strcmp(argv[1], "life-unfiltered") == 0) {
        lives(argv[2], false);
    } else if (argc == 3 && strcmp(argv[1], "obey") == 0) {
        obey(argv[2]);
        return checks_status();
    } else {
        printf("usage: client bad DIRECTORY | life[-unfiltered] DIRECTORY | obey SOCKET\n");
        return 64;
    }
    return checks_end("client");
}
