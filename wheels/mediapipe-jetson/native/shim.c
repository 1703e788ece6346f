/*
 * Counts the work that a process gives to OpenGL ES and Vulkan, and notes what drives it.
 *
 * Preloaded into one inferring process, it stands before libEGL and libGLESv2; for Vulkan it is a
 * layer (vulkan.c). Every call is passed on unchanged. Without MEDIAPIPE_JETSON_SHIM, the name
 * of a file of SHIM_SIZE bytes, it counts nothing. The file's layout is read by
 * mediapipe_jetson/verify/counters.py.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim.h"

static struct page *page;

/* What pthread_atfork calls; that itself is in each program, not in the C library, before 2.34. */
extern int __register_atfork(void (*)(void), void (*)(void), void (*)(void), void *);

/* A forked child shares the file: what it does is not this process's work. */
static void forked(void)
{
    page = NULL;
}

__attribute__((constructor)) static void start(void)
{
    const char *name = getenv("MEDIAPIPE_JETSON_SHIM");
    if (!name || page)
        return;
    int file = open(name, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return;
    if (lseek(file, 0, SEEK_END) >= SHIM_SIZE) {
        void *made = mmap(NULL, SHIM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (made != MAP_FAILED) {
            page = made;
            page->version = 1;
            page->pid = (uint32_t)getpid();
            memcpy(page->magic, "MPJSHIM", 8);
            __register_atfork(NULL, NULL, forked, NULL);
        }
    }
    close(file);
}

struct page *shim_page(void)
{
    return page;
}

void count(int which)
{
    if (page)
        __atomic_fetch_add(&page->counters[which], 1, __ATOMIC_RELAXED);
}

void note(char *slot, const char *text)
{
    if (page && text) {
        strncpy(slot, text, TEXT - 1);
        slot[TEXT - 1] = 0;
    }
}

void note_first(char *slot, const char *text)
{
    if (!page || !text)
        return;
    if (!slot[0])
        note(slot, text);
    else if (strncmp(slot, text, TEXT - 1))
        count(OTHER_RENDERER);
}

/* The library that is loaded already, whatever its scope: Python loads with RTLD_LOCAL, and wheels
 * that bundle a copy rename it (libGLESv2-0f3c.so.2); the bundled one is the one in use. */
struct search {
    const char *stem;
    char path[1024];
};

static int look(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct search *search = data;
    const char *slash = strrchr(info->dlpi_name, '/');
    const char *name = slash ? slash + 1 : info->dlpi_name;
    size_t length = strlen(search->stem);
    if (strncmp(name, search->stem, length) || (name[length] != '.' && name[length] != '-'))
        return 0;
    if (strlen(info->dlpi_name) >= sizeof search->path || (search->path[0] && name[length] == '.'))
        return 0;
    strcpy(search->path, info->dlpi_name);
    return name[length] == '-';
}

static void *library(const char *stem, const char *soname)
{
    struct search search = {stem, ""};
    dl_iterate_phdr(look, &search);
    if (search.path[0]) {
        void *found = dlopen(search.path, RTLD_LAZY | RTLD_NOLOAD);
        if (found)
            return found;
    }
    return dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
}

static void *real(const char *name)
{
    void *found = NULL;
    int egl = !strncmp(name, "egl", 3);
    void *from = egl ? library("libEGL", "libEGL.so.1") : library("libGLESv2", "libGLESv2.so.2");
    if (from)
        found = dlsym(from, name);
    if (!found)
        count(UNRESOLVED);
    return found;
}

#define REAL(name) \
    static __typeof__(&name) next; \
    if (!next) \
        next = (__typeof__(&name))real(#name)

/* OpenGL ES: the types of the Khronos registry, by their sizes. */
EXPORT void glLinkProgram(unsigned program)
{
    REAL(glLinkProgram);
    count(LINK);
    if (next)
        next(program);
}

EXPORT void glDispatchCompute(unsigned x, unsigned y, unsigned z)
{
    REAL(glDispatchCompute);
    count(DISPATCH);
    if (next)
        next(x, y, z);
}

EXPORT void glDispatchComputeIndirect(intptr_t indirect)
{
    REAL(glDispatchComputeIndirect);
    count(DISPATCH);
    if (next)
        next(indirect);
}

EXPORT void glDrawArrays(unsigned mode, int first, int number)
{
    REAL(glDrawArrays);
    count(DRAW);
    if (next)
        next(mode, first, number);
}

EXPORT void glDrawElements(unsigned mode, int number, unsigned type, const void *indices)
{
    REAL(glDrawElements);
    count(DRAW);
    if (next)
        next(mode, number, type, indices);
}

/* EGL */
EXPORT void *eglCreateContext(void *display, void *config, void *share, const int *attributes)
{
    REAL(eglCreateContext);
    count(CONTEXT);
    return next ? next(display, config, share, attributes) : NULL;
}

static void note_context(void *display)
{
    const char *(*query)(void *, int) = (const char *(*)(void *, int))real("eglQueryString");
    const char *(*string)(unsigned) = (const char *(*)(unsigned))real("glGetString");
    if (query) {
        note(page->egl_vendor, query(display, 0x3053));
        note(page->egl_version, query(display, 0x3054));
    }
    if (string) {
        note(page->gl_vendor, string(0x1F00));
        note_first(page->gl_renderer, string(0x1F01));
        note(page->gl_version, string(0x1F02));
    }
}

static void note_renderer(void)
{
    const char *(*string)(unsigned) = (const char *(*)(unsigned))real("glGetString");
    if (string)
        note_first(page->gl_renderer, string(0x1F01));
}

EXPORT unsigned eglMakeCurrent(void *display, void *draw, void *read, void *context)
{
    REAL(eglMakeCurrent);
    count(CURRENT);
    unsigned done = next ? next(display, draw, read, context) : 0;
    static __thread void *last;
    if (done && context && page && context != last) {
        if (page->gl_renderer[0])
            note_renderer();
        else
            note_context(display);
        last = context;
    }
    return done;
}

/* Some programs ask for the functions by name. */
EXPORT function eglGetProcAddress(const char *name)
{
    static const struct {
        const char *name;
        function ours;
    } known[] = {
        {"glLinkProgram", (function)glLinkProgram},
        {"glDispatchCompute", (function)glDispatchCompute},
        {"glDispatchComputeIndirect", (function)glDispatchComputeIndirect},
        {"glDrawArrays", (function)glDrawArrays},
        {"glDrawElements", (function)glDrawElements},
    };
    REAL(eglGetProcAddress);
    function found = next ? next(name) : NULL;
    for (size_t i = 0; found && name && i < sizeof known / sizeof *known; i++)
        if (!strcmp(name, known[i].name))
            return known[i].ours;
    return found;
}
