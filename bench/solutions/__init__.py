"""Processor time of old mp.solutions programs: the kit, MediaPipe 0.10.21 and MediaPipe Tasks."""
