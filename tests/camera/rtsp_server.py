"""A real RTSP server on loopback, GStreamer's: Debian's Python runs it (python3-gi).

Arguments: port, codec (h264 or jpeg), and "USER:PASSWORD" where only that user may watch.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 # after the versions

CODECS = {
    "h264": "x264enc tune=zerolatency key-int-max=10 ! rtph264pay name=pay0 config-interval=1",
    "jpeg": "jpegenc ! rtpjpegpay name=pay0",
}
SIZE = "video/x-raw,format=I420,width=320,height=240,framerate=25/1"
PICTURE = f"videotestsrc is-live=true pattern=red ! {SIZE}"


def main() -> None:
    port, codec, *who = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( {PICTURE} ! {CODECS[codec]} )")
    factory.set_shared(True)
    if who:
        user, _, password = who[0].partition(":")
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
        server.set_auth(auth)
        factory.add_role_from_structure(
            Gst.Structure.new_from_string(
                "viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
            )
        )
    server.get_mount_points().add_factory("/door", factory)
    if not server.attach(None):
        sys.exit("the port is taken")
    print("ready", flush=True)
    GLib.MainLoop().run()


main()
