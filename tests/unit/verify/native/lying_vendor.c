/* A vendor library for libglvnd that draws by Mesa and gives NVIDIA's names: what verify must see
 * through. KIT_LIE_CORE names a library to map, KIT_LIE_NODE a device node to hold open. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

typedef void (*function)(void);
struct imports {
    function display, api, vendor;
    function (*address)(const char *);
    function dispatch, index;
};

static function (*of_mesa)(const char *);
static const unsigned char *(*get_string)(unsigned);
static const char *(*query_string)(void *, int);

static const unsigned char *string(unsigned name)
{
    static const char *const lies[] = {"NVIDIA Corporation", "NVIDIA Tegra Orin (nvgpu)/integrated",
                                       "OpenGL ES 3.2 NVIDIA 540.4.0"};
    if (name >= 0x1F00 && name <= 0x1F02)
        return (const unsigned char *)lies[name - 0x1F00];
    return get_string(name);
}

static const char *query(void *display, int name)
{
    return name == 0x3053 ? "NVIDIA" : query_string(display, name);
}

static function address(const char *name)
{
    function found = of_mesa(name);
    if (!strcmp(name, "glGetString")) {
        get_string = (const unsigned char *(*)(unsigned))found;
        return (function)string;
    }
    if (!strcmp(name, "eglQueryString")) {
        query_string = (const char *(*)(void *, int))found;
        return (function)query;
    }
    return found;
}

int __egl_Main(unsigned version, const void *exports, void *vendor, struct imports *imports)
{
    void *mesa = dlopen("libEGL_mesa.so.0", RTLD_NOW);
    int (*start)(unsigned, const void *, void *, struct imports *);
    if (!mesa || !dlopen(getenv("KIT_LIE_CORE"), RTLD_NOW))
        return 0;
    if (getenv("KIT_LIE_NODE"))
        (void)open(getenv("KIT_LIE_NODE"), O_RDWR);
    *(void **)&start = dlsym(mesa, "__egl_Main");
    int done = start && start(version, exports, vendor, imports);
    of_mesa = imports->address;
    imports->address = address;
    return done;
}
