// `./inv build` fills these in; `./inv build --plan --json` shows with what.
variable "CONTEXT" { default = "." }
variable "DOCKERFILE" { default = "docker/Dockerfile" }
variable "PLATFORM" { default = "linux/arm64" }
variable "TAG" { default = "mediapipe-jetson:dev" }
variable "BASE" { default = "debian" }
variable "SYSTEM" { default = "debian-system" }
variable "WHEELS" { default = "wheels" }
variable "REF" { default = "scratch" }

group "default" {
  targets = ["image"]
}

target "image" {
  context    = CONTEXT
  dockerfile = DOCKERFILE
  target     = "image"
  platforms  = [PLATFORM]
  tags       = [TAG]
  args = {
    BASE   = BASE
    SYSTEM = SYSTEM
    WHEELS = WHEELS
    REF    = REF
  }
  output = ["type=docker"]
}

// The lower layers alone, so that they can be begun before the system is there.
target "wheels" {
  inherits = ["image"]
  target   = "wheels"
  tags     = []
  output   = ["type=cacheonly"]
}

target "engines" {
  inherits = ["wheels"]
  target   = "engines"
}
