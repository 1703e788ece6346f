/*
 * The Vulkan half: a layer, named by VK_INSTANCE_LAYERS, that counts submissions and dispatches
 * and notes the device. Structures and numbers are those of the Vulkan registry and of the
 * loader's interface for layers, version 2, with the members that are needed here.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shim.h"

#define KEYS 64
enum { INSTANCE_LINK = 47, DEVICE_LINK = 48, LAYER_LINK_INFO = 0, FAILED = -3 };

typedef function (*get_proc)(void *, const char *);
struct link_instance {
    struct link_instance *next;
    get_proc instance_proc, physical_proc;
};
struct link_device {
    struct link_device *next;
    get_proc instance_proc, device_proc;
};
struct chain {
    int type;
    struct chain *next;
    int kind;
    void *link;
};
struct create_info {
    int type;
    struct chain *next;
};

typedef int (*create_instance_type)(const struct create_info *, const void *, void **);
typedef int (*create_device_type)(void *, const struct create_info *, const void *, void **);
typedef void (*properties_type)(void *, void *);
typedef int (*submit_type)(void *, uint32_t, const void *, uint64_t);
typedef void (*dispatch_type)(void *, uint32_t, uint32_t, uint32_t);
typedef void (*indirect_type)(void *, uint64_t, uint64_t);

/* Of each instance and device: the loader's dispatch table, by which its children are known. */
struct entry {
    void *key, *handle;
    get_proc proc;
    submit_type submit, submit2;
    dispatch_type dispatch;
    indirect_type indirect;
};
static struct entry instances[KEYS], devices[KEYS];

static struct entry *find(struct entry *table, void *handle, int make)
{
    void *key = handle ? *(void **)handle : NULL;
    for (int i = 0; key && i < KEYS; i++) {
        void *empty = NULL;
        if (__atomic_load_n(&table[i].key, __ATOMIC_ACQUIRE) == key)
            return &table[i];
        if (make && __atomic_compare_exchange_n(&table[i].key, &empty, key, 0, __ATOMIC_ACQ_REL,
                                                __ATOMIC_ACQUIRE))
            return &table[i];
    }
    return NULL;
}

static struct chain *layer_link(struct chain *chain, int type)
{
    while (chain && !(chain->type == type && chain->kind == LAYER_LINK_INFO))
        chain = chain->next;
    return chain;
}

static int create_instance(const struct create_info *info, const void *allocator, void **instance)
{
    struct chain *chain = layer_link(info->next, INSTANCE_LINK);
    if (!chain)
        return FAILED;
    struct link_instance *link = chain->link;
    chain->link = link->next;
    create_instance_type next =
        (create_instance_type)link->instance_proc(NULL, "vkCreateInstance");
    int result = next ? next(info, allocator, instance) : FAILED;
    struct entry *entry = result ? NULL : find(instances, *instance, 1);
    if (entry) {
        entry->handle = *instance;
        entry->proc = link->instance_proc;
    }
    return result;
}

static void note_device(void *physical, const struct entry *instance)
{
    /* VkPhysicalDeviceProperties: five words (vendor the third, type the fifth), then the name. */
    union {
        uint32_t words[5];
        char bytes[4096];
    } properties = {{0}};
    struct page *page = shim_page();
    properties_type get =
        (properties_type)instance->proc(instance->handle, "vkGetPhysicalDeviceProperties");
    if (!get || !page)
        return;
    get(physical, &properties);
    /* A second device does not take the place of the first. */
    if (!page->vk_name[0]) {
        page->vk_vendor = properties.words[2];
        page->vk_type = properties.words[4];
    }
    note_first(page->vk_name, properties.bytes + 20);
}

static int create_device(void *physical, const struct create_info *info, const void *allocator,
                         void **device)
{
    struct chain *chain = layer_link(info->next, DEVICE_LINK);
    struct entry *instance = find(instances, physical, 0);
    if (!chain || !instance)
        return FAILED;
    struct link_device *link = chain->link;
    chain->link = link->next;
    create_device_type next =
        (create_device_type)link->instance_proc(instance->handle, "vkCreateDevice");
    int result = next ? next(physical, info, allocator, device) : FAILED;
    struct entry *entry = result ? NULL : find(devices, *device, 1);
    if (entry) {
        get_proc proc = link->device_proc;
        entry->handle = *device;
        entry->submit = (submit_type)proc(*device, "vkQueueSubmit");
        entry->submit2 = (submit_type)proc(*device, "vkQueueSubmit2");
        if (!entry->submit2)
            entry->submit2 = (submit_type)proc(*device, "vkQueueSubmit2KHR");
        entry->dispatch = (dispatch_type)proc(*device, "vkCmdDispatch");
        entry->indirect = (indirect_type)proc(*device, "vkCmdDispatchIndirect");
        entry->proc = proc;
        count(DEVICE);
        note_device(physical, instance);
    }
    return result;
}

static int queue_submit(void *queue, uint32_t number, const void *submits, uint64_t fence)
{
    struct entry *entry = find(devices, queue, 0);
    count(entry ? SUBMIT : UNRESOLVED);
    return entry ? entry->submit(queue, number, submits, fence) : FAILED;
}

static int queue_submit2(void *queue, uint32_t number, const void *submits, uint64_t fence)
{
    struct entry *entry = find(devices, queue, 0);
    count(entry ? SUBMIT : UNRESOLVED);
    return entry ? entry->submit2(queue, number, submits, fence) : FAILED;
}

static void dispatch(void *commands, uint32_t x, uint32_t y, uint32_t z)
{
    struct entry *entry = find(devices, commands, 0);
    count(entry ? VK_DISPATCH : UNRESOLVED);
    if (entry)
        entry->dispatch(commands, x, y, z);
}

static void dispatch_indirect(void *commands, uint64_t buffer, uint64_t offset)
{
    struct entry *entry = find(devices, commands, 0);
    count(entry ? VK_DISPATCH : UNRESOLVED);
    if (entry)
        entry->indirect(commands, buffer, offset);
}

static function device_proc(void *device, const char *name);
static function instance_proc(void *instance, const char *name);

static function of_device(const char *name)
{
    static const struct {
        const char *name;
        function ours;
    } known[] = {
        {"vkQueueSubmit", (function)queue_submit},
        {"vkQueueSubmit2", (function)queue_submit2},
        {"vkQueueSubmit2KHR", (function)queue_submit2},
        {"vkCmdDispatch", (function)dispatch},
        {"vkCmdDispatchIndirect", (function)dispatch_indirect},
    };
    if (!strcmp(name, "vkGetDeviceProcAddr"))
        return (function)device_proc;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(name, known[i].name))
            return known[i].ours;
    return NULL;
}

static function device_proc(void *device, const char *name)
{
    struct entry *entry = find(devices, device, 0);
    function next = entry ? entry->proc(device, name) : NULL;
    function ours = of_device(name);
    return next && ours ? ours : next;
}

static function instance_proc(void *instance, const char *name)
{
    if (!strcmp(name, "vkCreateInstance"))
        return (function)create_instance;
    if (!strcmp(name, "vkCreateDevice"))
        return (function)create_device;
    if (!strcmp(name, "vkGetInstanceProcAddr"))
        return (function)instance_proc;
    struct entry *entry = find(instances, instance, 0);
    function next = entry ? entry->proc(instance, name) : NULL;
    function ours = of_device(name);
    return next && ours ? ours : next;
}

struct negotiation {
    int type;
    void *next;
    uint32_t version;
    get_proc instance_proc, device_proc, physical_proc;
};

EXPORT int vkNegotiateLoaderLayerInterfaceVersion(struct negotiation *wanted)
{
    if (wanted->version < 2)
        return FAILED;
    count(VK_LAYER);
    wanted->version = 2;
    wanted->instance_proc = instance_proc;
    wanted->device_proc = device_proc;
    wanted->physical_proc = NULL;
    return 0;
}
