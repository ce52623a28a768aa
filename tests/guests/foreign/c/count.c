/* Counts lines, words and bytes of every file below a folder, as wc does, and writes them to a result file.
 *
 * usage: c-count FOLDER RESULT
 *
 * One line a file, sorted by path, then the total; the total alone goes to RESULT. Symbolic links are not followed.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct counts {
    unsigned long long lines, words, bytes;
};

static _Noreturn void fail(const char *doing, const char *path) {
    fprintf(stderr, "c-count: failed to %s `%s`: %s\n", doing, path, strerror(errno));
    exit(1);
}

static char *join(const char *folder, const char *name) {
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path == NULL) fail("make room for", name);
    snprintf(path, size, "%s/%s", folder, name);
    return path;
}

static struct counts count_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail("open", path);
    struct counts counts = {0};
    int in_word = 0;
    for (int byte; (byte = getc(file)) != EOF;) {
        counts.bytes++;
        if (byte == '\n') counts.lines++;
        if (isspace(byte)) {
            in_word = 0;
        } else if (!in_word) {
            in_word = 1;
            counts.words++;
        }
    }
    if (ferror(file)) fail("read", path);
    fclose(file);
    return counts;
}

static int by_name(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The names in a folder, sorted; the list ends with NULL. */
static char **list(const char *folder) {
    DIR *dir = opendir(folder);
    if (dir == NULL) fail("open the folder", folder);
    char **names = NULL;
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        names = realloc(names, (count + 2) * sizeof *names);
        if (names == NULL || (names[count] = strdup(entry->d_name)) == NULL) fail("list", folder);
        count++;
    }
    closedir(dir);
    if (names == NULL && (names = calloc(1, sizeof *names)) == NULL) fail("list", folder);
    names[count] = NULL;
    qsort(names, count, sizeof *names, by_name);
    return names;
}

static void count_folder(const char *folder, struct counts *total) {
    char **names = list(folder);
    for (char **name = names; *name != NULL; name++) {
        char *path = join(folder, *name);
        struct stat info;
        if (lstat(path, &info) != 0) fail("look at", path);
        if (S_ISDIR(info.st_mode)) {
            count_folder(path, total);
        } else if (S_ISREG(info.st_mode)) {
            struct counts counts = count_file(path);
            printf("%llu %llu %llu %s\n", counts.lines, counts.words, counts.bytes, path);
            total->lines += counts.lines;
            total->words += counts.words;
            total->bytes += counts.bytes;
        }
        free(path);
        free(*name);
    }
    free(names);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fputs("usage: c-count FOLDER RESULT\n", stderr);
        return 2;
    }
    struct counts total = {0};
    count_folder(argv[1], &total);
    printf("%llu %llu %llu total\n", total.lines, total.words, total.bytes);
    FILE *result = fopen(argv[2], "w");
    if (result == NULL) fail("create", argv[2]);
    fprintf(result, "%llu %llu %llu", total.lines, total.words, total.bytes);
    if (fclose(result) != 0) fail("write", argv[2]);
    return 0;
}
