"""TFLite files, read and patched as bytes: no package of flatbuffers is needed on a device."""
