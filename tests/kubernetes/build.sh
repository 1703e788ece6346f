#!/bin/sh
# Builds Kubernetes' API server, controller manager and scheduler from Debian 12's source package,
# inside a root of that Debian; /out gets them. The package is checked by apt's signed index.
set -eu
export HOME=/root GO111MODULE=off GOFLAGS='' GOPATH=/go GOCACHE=/tmp/go CGO_ENABLED=0
root=/go/src/k8s.io/kubernetes
mkdir -p "$root" /out
cd /tmp
apt-get -qq update
apt-get -qq source --download-only kubernetes
tar -xzf kubernetes_*.orig.tar.gz -C "$root" --strip-components=1
cd "$root"
# What its Makefile generates before it compiles: the types that the server describes to clients.
go build -o /tmp/openapi-gen ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
types=$(grep -rl --include='*.go' '^// +k8s:openapi-gen=true' staging/src pkg | xargs -n 1 dirname | sort -u |
  grep -v -e sample -e testdata -e code-generator | sed -e 's,^staging/src/,,' -e 's,^pkg/,k8s.io/kubernetes/pkg/,')
/tmp/openapi-gen --go-header-file hack/boilerplate/boilerplate.generatego.txt -O zz_generated.openapi \
  -p k8s.io/kubernetes/pkg/generated/openapi -i "$(echo "$types" | paste -sd, -)" -r /tmp/violations --output-base /go/src
package=k8s.io/component-base/version
version=1.20.2
flags="-s -w -X $package.gitMajor=1 -X $package.gitMinor=20 -X $package.gitVersion=v$version"
for program in kube-apiserver kube-controller-manager kube-scheduler; do
  go build -p "$(nproc)" -ldflags "$flags" -o "/out/$program" "./cmd/$program"
done
cp /usr/bin/etcd /out/etcd
