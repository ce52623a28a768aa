/* Threads as today's wasi-libc has them for a target without threads: they can be asked for, and are refused.
 *
 * Rust's library refers to these, and Debian's wasi-libc is too old to have them. A program that can do without threads sees
 * the refusal and does the work itself.
 */
#include <errno.h>

typedef struct attributes attributes;

int pthread_attr_init(attributes *attr) {
    (void)attr;
    return 0;
}

int pthread_attr_setstacksize(attributes *attr, unsigned long size) {
    (void)attr, (void)size;
    return 0;
}

int pthread_attr_destroy(attributes *attr) {
    (void)attr;
    return 0;
}

int pthread_create(void *thread, const attributes *attr, void *(*start)(void *), void *argument) {
    (void)thread, (void)attr, (void)start, (void)argument;
    return ENOTSUP;
}

int pthread_join(void *thread, void **result) {
    (void)thread, (void)result;
    return ENOTSUP;
}

int pthread_detach(void *thread) {
    (void)thread;
    return ENOTSUP;
}
