// A C++ program: objects in smart pointers, linked against the C library.
#include <cstdio>
#include <cstring>
#include <memory>
#include <mtasts.h>

struct Free {
    void operator()(mtasts_policy *policy) const { mtasts_policy_free(policy); }
};

int main() {
    const char body[] = "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n";
    mtasts_policy *parsed = nullptr;
    if (mtasts_policy_parse(reinterpret_cast<const uint8_t *>(body), sizeof body - 1, &parsed) != MTASTS_OK) return 1;
    const std::unique_ptr<mtasts_policy, Free> policy(parsed);

    mtasts_answer permitted = MTASTS_UNKNOWN;
    const char host[] = "MX.example.com.";
    if (mtasts_policy_permits_mx(policy.get(), host, std::strlen(host), &permitted) != MTASTS_OK) return 1;
    std::printf("%s\n", mtasts_answer_name(permitted).data);
    return permitted == MTASTS_YES ? 0 : 1;
}
