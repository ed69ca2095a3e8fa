/* Writes down what a process writes into one folder, and what it asks to be made durable, in the order in which it
 * happened. Loaded before libc (LD_PRELOAD), so that SQLite is the one that the product uses. Each call is made and
 * written down under one lock; syncing is only written down, since here no power is lost.
 *
 * RECORDED_FOLDER: the folder, without a slash at its end. RECORDING: the file that the records are appended to.
 * A record: kind (1 byte), file (4), offset (8), length of the data (4), data; numbers as the machine has them.
 *   C a name appears: data is the name, file the number that it has from now on
 *   U a name goes · W data is written · T the file ends at `offset` · S the file is durable · D the folder's names are
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define MOST_FDS 4096
#define MOST_NAMES 64
#define FOLDER (-1)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int recording = -1;
static const char *folder;
static size_t folder_length;
static int file_of_fd[MOST_FDS];
static char names[MOST_NAMES][256];
static int file_of_name[MOST_NAMES];
static int files;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void fail(const char *what) {
    fprintf(stderr, "the recorder cannot go on: %s\n", what);
    abort();
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("RECORDING");
    folder = getenv("RECORDED_FOLDER");
    if (path == NULL || folder == NULL) fail("RECORDING and RECORDED_FOLDER are not set");
    folder_length = strlen(folder);
    recording = REAL(open64)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (recording < 0) fail("the recording cannot be opened");
}

static void put(const void *data, size_t length) {
    while (length > 0) {
        ssize_t written = REAL(write)(recording, data, length);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) fail("the recording cannot be written");
        data = (const char *)data + written;
        length -= (size_t)written;
    }
}

static void record(char kind, int file, uint64_t offset, const void *data, size_t length) {
    char head[17];
    uint32_t short_file = (uint32_t)file, short_length = (uint32_t)length;
    head[0] = kind;
    memcpy(head + 1, &short_file, 4);
    memcpy(head + 5, &offset, 8);
    memcpy(head + 13, &short_length, 4);
    put(head, sizeof head);
    put(data, length);
}

/* The name inside the folder, "" for the folder itself, NULL for anything else. SQLite's shared memory is none of it: it
 * is made anew by whoever opens the database first. */
static const char *name_in_folder(const char *path) {
    if (folder == NULL || strncmp(path, folder, folder_length) != 0) return NULL;
    if (path[folder_length] == 0) return path + folder_length;
    if (path[folder_length] != '/') return NULL;
    const char *name = path + folder_length + 1;
    size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, "-shm") == 0 ? NULL : name;
}

static int find_name(const char *name) {
    for (int at = 0; at < MOST_NAMES; at++)
        if (file_of_name[at] != 0 && strcmp(names[at], name) == 0) return at;
    return -1;
}

static int file_with(const char *name) {
    int at = find_name(name);
    if (at >= 0) return file_of_name[at];
    for (at = 0; at < MOST_NAMES; at++)
        if (file_of_name[at] == 0) {
            snprintf(names[at], sizeof names[at], "%s", name);
            file_of_name[at] = ++files;
            record('C', files, 0, name, strlen(name));
            return files;
        }
    fail("too many names");
    return 0;
}

static int opened(const char *path, int flags, int fd) {
    const char *name = fd < 0 ? NULL : name_in_folder(path);
    if (name == NULL) return fd;
    if (fd >= MOST_FDS) fail("too many open files");
    file_of_fd[fd] = *name == 0 ? FOLDER : file_with(name);
    if ((flags & O_TRUNC) && *name != 0) record('T', file_of_fd[fd], 0, "", 0);
    return fd;
}

static int file_at(int fd) { return fd < 0 || fd >= MOST_FDS ? 0 : file_of_fd[fd]; }

#define OPEN(name)                                                \
    int name(const char *path, int flags, ...) {                  \
        va_list more;                                             \
        va_start(more, flags);                                    \
        mode_t mode = va_arg(more, mode_t);                       \
        va_end(more);                                             \
        pthread_mutex_lock(&lock);                                \
        int fd = opened(path, flags, REAL(name)(path, flags, mode)); \
        pthread_mutex_unlock(&lock);                              \
        return fd;                                                \
    }
OPEN(open)
OPEN(open64)

#define WRITE(name, offset_type)                                                                 \
    ssize_t name(int fd, const void *data, size_t length, offset_type offset) {                  \
        pthread_mutex_lock(&lock);                                                               \
        ssize_t written = REAL(name)(fd, data, length, offset);                                  \
        if (written > 0 && file_at(fd) > 0) record('W', file_at(fd), (uint64_t)offset, data, (size_t)written); \
        pthread_mutex_unlock(&lock);                                                             \
        return written;                                                                          \
    }
WRITE(pwrite, off_t)
WRITE(pwrite64, off64_t)

ssize_t write(int fd, const void *data, size_t length) {
    if (file_at(fd) > 0) fail("write() without an offset into the folder");
    return REAL(write)(fd, data, length);
}

#define TRUNCATE(name, length_type)                                                   \
    int name(int fd, length_type length) {                                            \
        pthread_mutex_lock(&lock);                                                    \
        int result = REAL(name)(fd, length);                                          \
        if (result == 0 && file_at(fd) > 0) record('T', file_at(fd), (uint64_t)length, "", 0); \
        pthread_mutex_unlock(&lock);                                                  \
        return result;                                                                \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

static int synced(int fd) {
    pthread_mutex_lock(&lock);
    int file = file_at(fd);
    if (file != 0) record(file == FOLDER ? 'D' : 'S', file, 0, "", 0);
    pthread_mutex_unlock(&lock);
    return file != 0;
}

int fsync(int fd) { return synced(fd) ? 0 : REAL(fsync)(fd); }
int fdatasync(int fd) { return synced(fd) ? 0 : REAL(fdatasync)(fd); }

int unlink(const char *path) {
    pthread_mutex_lock(&lock);
    int result = REAL(unlink)(path);
    const char *name = result == 0 ? name_in_folder(path) : NULL;
    int at = name == NULL ? -1 : find_name(name);
    if (at >= 0) {
        record('U', file_of_name[at], 0, name, strlen(name));
        file_of_name[at] = 0;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int close(int fd) {
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < MOST_FDS) file_of_fd[fd] = 0;
    int result = REAL(close)(fd);
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *from, const char *to) {
    if (name_in_folder(from) != NULL || name_in_folder(to) != NULL) fail("rename() in the folder");
    return REAL(rename)(from, to);
}
