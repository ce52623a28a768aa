/* The native peer of row 2: prints what the guest `bench_hello` prints, and nothing could do it with less. */
#include <unistd.h>

int main(void) {
    static const char line[] = "hello from a step\n";
    return write(1, line, sizeof line - 1) == sizeof line - 1 ? 0 : 1;
}
