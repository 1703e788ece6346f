/* What the two halves of the shim share; the layout is read by verify/counters.py. */
#ifndef SHIM_H
#define SHIM_H
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))
#define SHIM_SIZE 4096
#define TEXT 160

enum { LINK, DISPATCH, DRAW, CONTEXT, CURRENT, SUBMIT, VK_DISPATCH, DEVICE, UNRESOLVED,
       OTHER_RENDERER, VK_LAYER, COUNTERS };

struct page {
    char magic[8];
    uint32_t version;
    uint32_t pid;
    uint64_t counters[16];
    char gl_vendor[TEXT], gl_renderer[TEXT], gl_version[TEXT];
    char egl_vendor[TEXT], egl_version[TEXT], vk_name[TEXT];
    uint32_t vk_vendor, vk_type;
};

typedef void (*function)(void);
struct page *shim_page(void);
void count(int which);
/* Notes the text, or counts that it is another one than noted before. */
void note_first(char *slot, const char *text);
void note(char *slot, const char *text);
#endif
