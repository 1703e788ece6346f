"""MediaPipe's wheels, the device wheel, and what is installed beside them."""
