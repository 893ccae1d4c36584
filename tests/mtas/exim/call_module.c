/* call_module MODULE DOMAIN OPTIONS: calls the module as Exim does, several times, and shows its answers. */
#include <dlfcn.h>
#include <stdio.h>

typedef int function(unsigned char **yield, int argc, unsigned char *argv[]);

int main(int argc, char **argv) {
    void *module = argc == 4 ? dlopen(argv[1], RTLD_LAZY) : NULL;
    unsigned char *domain = (unsigned char *)argv[2], *options = (unsigned char *)argv[3], *answer = NULL;
    unsigned char *asked[] = {domain, options, NULL};
    unsigned char *seen[] = {domain, (unsigned char *)"mx.example.com", (unsigned char *)"", (unsigned char *)"0", options, NULL};
    function *ask = NULL, *testing = NULL;
    if (module) {
        *(void **)&ask = dlsym(module, "mta_sts_ask");
        *(void **)&testing = dlsym(module, "mta_sts_testing");
    }
    if (!ask || !testing) {
        fprintf(stderr, "call_module: %s\n", module ? "functions are missing" : dlerror());
        return 64;
    }
    for (int turn = 0; turn < 3; turn++) {
        if (ask(&answer, 2, asked) != 0)
            return 1;
        puts((char *)answer);
        if (testing(&answer, 5, seen) != 0)
            return 1;
        puts((char *)answer);
    }
    return 0;
}
