/* Stand-ins under the names of NVIDIA's elements: their pads, memory and properties, no hardware.
 *
 * nvarguscamerasrc gives NV12 of 1280x720 at 30 frames a second in memory:NVMM, red for sensor 0 and
 * green for sensor 1; nvvidconv takes that and gives plain memory; nvv4l2decoder decodes H.264 into
 * memory:NVMM. With STAND_IN_NO_CAMERA set the source fails as one without a camera does. */
#include <gst/gst.h>
#include <stdlib.h>

/* Passes buffers on, and says of which memory they are. */
typedef struct {
  GstElement element;
  GstPad *src;
  gboolean nvmm;
} Relabel;
typedef struct {
  GstElementClass parent;
} RelabelClass;
G_DEFINE_TYPE(Relabel, relabel, GST_TYPE_ELEMENT)

static GstStaticPadTemplate any_sink =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate any_src =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static GstFlowReturn chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) {
  return gst_pad_push(((Relabel *)parent)->src, buffer);
}

static gboolean event(GstPad *pad, GstObject *parent, GstEvent *event) {
  Relabel *self = (Relabel *)parent;
  GstCaps *caps;
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    gst_event_parse_caps(event, &caps);
    caps = gst_caps_copy(caps);
    gst_caps_set_features(
        caps, 0, self->nvmm ? gst_caps_features_new("memory:NVMM", NULL) : NULL);
    gst_event_unref(event);
    event = gst_event_new_caps(caps);
    gst_caps_unref(caps);
  }
  return gst_pad_push_event(self->src, event);
}

static void relabel_class_init(RelabelClass *klass) {
  gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(klass), &any_sink);
  gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(klass), &any_src);
  gst_element_class_set_metadata(GST_ELEMENT_CLASS(klass), "Relabel", "Test", "Stand-in", "Kit");
}

static void relabel_init(Relabel *self) {
  GstPad *sink = gst_pad_new_from_static_template(&any_sink, "sink");
  self->src = gst_pad_new_from_static_template(&any_src, "src");
  gst_pad_set_chain_function(sink, chain);
  gst_pad_set_event_function(sink, event);
  gst_element_add_pad(GST_ELEMENT(self), sink);
  gst_element_add_pad(GST_ELEMENT(self), self->src);
}

static GType relabel_nvmm_get_type(void);
typedef Relabel RelabelNvmm;
typedef RelabelClass RelabelNvmmClass;
G_DEFINE_TYPE(RelabelNvmm, relabel_nvmm, relabel_get_type())
static void relabel_nvmm_class_init(RelabelNvmmClass *klass) {}
static void relabel_nvmm_init(RelabelNvmm *self) { self->nvmm = TRUE; }

/* A bin that is described by text and has one number as its property. */
typedef struct {
  GstBin bin;
  gint number;
} Box;
typedef struct {
  GstBinClass parent;
} BoxClass;

static void fill(Box *self, const char *text) {
  GError *error = NULL;
  GstElement *inner = gst_parse_bin_from_description(text, TRUE, &error);
  const char *names[] = {"sink", "src"};
  if (!inner)
    g_error("%s", error->message);
  gst_bin_add(GST_BIN(self), inner);
  for (int i = 0; i < 2; i++) {
    GstPad *pad = gst_element_get_static_pad(inner, names[i]);
    if (pad) {
      gst_element_add_pad(GST_ELEMENT(self), gst_ghost_pad_new(names[i], pad));
      gst_object_unref(pad);
    }
  }
}

static void set_number(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  GstElement *source = gst_bin_get_by_name(GST_BIN(object), "standin");
  ((Box *)object)->number = g_value_get_int(value);
  if (source) { /* pattern 4 is red, 5 green */
    g_object_set(source, "pattern", 4 + g_value_get_int(value), NULL);
    gst_object_unref(source);
  }
}

static void number(GObjectClass *klass, const char *name) {
  klass->set_property = set_number;
  g_object_class_install_property(
      klass, 1, g_param_spec_int(name, name, name, 0, 255, 0, G_PARAM_WRITABLE));
  gst_element_class_set_metadata(GST_ELEMENT_CLASS(klass), name, "Test", "Stand-in", "Kit");
}

#define BOX(Name, name, property, text)                                                            \
  typedef Box Name;                                                                                \
  typedef BoxClass Name##Class;                                                                    \
  static GType name##_get_type(void);                                                              \
  G_DEFINE_TYPE(Name, name, GST_TYPE_BIN)                                                          \
  static void name##_class_init(Name##Class *klass) { number(G_OBJECT_CLASS(klass), property); }   \
  static void name##_init(Name *self) { fill((Box *)self, text); }

BOX(Argus, argus, "sensor-id",
    getenv("STAND_IN_NO_CAMERA")
        ? "videotestsrc name=standin is-live=true num-buffers=0 ! kitrelabelnvmm"
        : "videotestsrc name=standin is-live=true pattern=red ! "
          "video/x-raw,format=NV12,width=1280,height=720,framerate=30/1 ! kitrelabelnvmm")
BOX(Convert, convert, "flip-method", "kitrelabel ! videoconvert")
BOX(Decode, decode, "enable-max-performance", "kitrelabel ! h264parse ! openh264dec ! kitrelabelnvmm")

static gboolean start(GstPlugin *plugin) {
  return gst_element_register(plugin, "kitrelabel", 0, relabel_get_type()) &&
         gst_element_register(plugin, "kitrelabelnvmm", 0, relabel_nvmm_get_type()) &&
         gst_element_register(plugin, "nvarguscamerasrc", 0, argus_get_type()) &&
         gst_element_register(plugin, "nvvidconv", 0, convert_get_type()) &&
         gst_element_register(plugin, "nvv4l2decoder", 0, decode_get_type());
}

#define PACKAGE "kit"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, nvstandin, "Stand-ins", start, "1",
                  GST_LICENSE_UNKNOWN, "kit", "kit")
