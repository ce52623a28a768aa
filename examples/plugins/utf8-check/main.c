// Looks whether every file below a folder is a text in UTF-8: utf8-check FOLDER RESULT

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_SIZE = 4096, DEEPEST = 64 };

static unsigned wrong = 0;

static void fail(const char *what) {
    perror(what);
    exit(2);
}

// Where a file stops being UTF-8, in lines and bytes of a line.
struct place {
    unsigned line;
    unsigned column;
};

// Reads one code point. False where the bytes are none: too short, too long, a surrogate, or beyond the last one.
static bool read_code_point(FILE *file, int first) {
    static const unsigned long least[] = {0, 0x80, 0x800, 0x10000};
    unsigned more = first < 0x80 ? 0 : first < 0xC0 ? 4 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : first < 0xF8 ? 3 : 4;
    if (more > 3) {
        return false;
    }
    unsigned long point = more == 0 ? (unsigned long)first : (unsigned long)first & (0x3Fu >> more);
    for (unsigned i = 0; i < more; i++) {
        int next = getc(file);
        if (next == EOF || (next & 0xC0) != 0x80) {
            return false;
        }
        point = point << 6 | (next & 0x3F);
    }
    return point >= least[more] && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
}

// Why the file is no text; NULL where it is one.
static const char *look(FILE *file, struct place *at) {
    at->line = at->column = 1;
    int first = getc(file);
    if (first == 0xEF) {
        if (getc(file) == 0xBB && getc(file) == 0xBF) {
            return "begins with a byte order mark";
        }
        rewind(file);
        first = getc(file);
    }
    for (; first != EOF; first = getc(file)) {
        if (first == 0) {
            return "has a byte of zero";
        }
        if (!read_code_point(file, first)) {
            return "is not UTF-8";
        }
        if (first == '\n') {
            at->line++;
            at->column = 1;
        } else {
            at->column++;
        }
    }
    return NULL;
}

static void look_below(const char *root, const char *below, unsigned depth) {
    if (depth > DEEPEST) {
        fprintf(stderr, "%s: folders are too deep\n", below);
        exit(2);
    }
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", root, below);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        fail(path);
    }
    // A sandbox shows a folder sorted by name.
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        // Hidden ones belong to tools, and `..` is outside of the workspace.
        if (entry->d_name[0] == '.') {
            continue;
        }
        char name[PATH_SIZE];
        int length = snprintf(name, sizeof name, "%s%s%s", below, *below ? "/" : "", entry->d_name);
        if (length + strlen(root) + 2 > sizeof path) {
            fprintf(stderr, "%s: the path is too long\n", name);
            exit(2);
        }
        snprintf(path, sizeof path, "%s/%s", root, name);
        struct stat status;
        if (lstat(path, &status) != 0) {
            fail(path);
        }
        if (S_ISDIR(status.st_mode)) {
            look_below(root, name, depth + 1);
        } else if (S_ISREG(status.st_mode)) {
            FILE *file = fopen(path, "rb");
            if (file == NULL) {
                fail(path);
            }
            struct place at;
            const char *why = look(file, &at);
            if (ferror(file)) {
                fail(path);
            }
            fclose(file);
            if (why != NULL) {
                printf("%s:%u:%u: %s\n", name, at.line, at.column, why);
                wrong++;
            }
        }
    }
    closedir(folder);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: utf8-check FOLDER RESULT\n");
        return 2;
    }
    look_below(argv[1], "", 0);
    FILE *result = fopen(argv[2], "w");
    if (result == NULL || fprintf(result, "%u", wrong) < 0 || fclose(result) != 0) {
        fail(argv[2]);
    }
    return wrong > 0;
}
