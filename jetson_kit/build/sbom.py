"""The software bill of materials of an image, as CycloneDX 1.6, by the format's own library."""

from __future__ import annotations

import re
import uuid

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from jetson_kit import __version__
from jetson_kit.build.parts import Parts
from jetson_kit.build.plan import BuildPlan


def document(plan: BuildPlan, parts: Parts) -> str:
    """Return the SBOM: Debian packages, Python distributions and models, each once.

    What an external base brings is named as one component by its reference: a scanner run on the
    image sees inside.
    """
    image = Component(
        name=plan.tag, version=__version__, type=ComponentType.CONTAINER, bom_ref="image"
    )
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_OID, parts.key))
    bom.metadata.component = image
    # The same inputs must give the same bytes.
    bom.metadata.timestamp = None  # type: ignore[assignment]
    components = [*_debian(plan, parts), *_python(plan, parts), *_models(parts)]
    if parts.base.reference:
        components.append(
            Component(
                name=parts.base.reference,
                version=parts.base.identity.split(" ")[0],
                type=ComponentType.CONTAINER,
                bom_ref="base",
            )
        )
    for component in components:
        bom.components.add(component)
    bom.register_dependency(image, components)
    text: str = JsonV1Dot6(bom).output_as_string(indent=1)
    return text + "\n"


def _debian(plan: BuildPlan, parts: Parts) -> list[Component]:
    return [
        Component(
            name=name,
            version=version,
            type=ComponentType.LIBRARY,
            purl=PackageURL(
                "deb", "debian", name, version, {"arch": arch, "distro": f"debian-{plan.suite}"}
            ),
            bom_ref=f"deb:{name}:{arch}",
        )
        for name, version, arch in parts.packages
    ]


def _python(plan: BuildPlan, parts: Parts) -> list[Component]:
    sources = {item.source.name: item.source for item in parts.built}
    components = []
    for item in parts.installed:
        name = canonicalize_name(item.name)
        component = Component(
            name=item.name,
            version=item.version,
            type=ComponentType.LIBRARY,
            purl=PackageURL("pypi", None, name, item.version),
            bom_ref=f"pypi:{name}",
        )
        if re.fullmatch(r"[\w .()+-]{1,60}", item.license):
            component.licenses.add(DisjunctiveLicense(name=item.license))
        if source := sources.get(name):
            origin = source.filename or source.origin
            component.properties.add(Property(name="mediapipe-jetson:built-from", value=origin))
            content = source.commit or source.sha256
            component.properties.add(
                Property(name="mediapipe-jetson:built-from-hash", value=content)
            )
        if name == "mediapipe":
            component.hashes.add(HashType(alg=HashAlgorithm.SHA_256, content=parts.wheel_sha256))
            component.properties.add(
                Property(name="mediapipe-jetson:source", value=plan.pin.filename)
            )
        components.append(component)
    return components


def _models(parts: Parts) -> list[Component]:
    return [
        Component(
            name=name,
            type=ComponentType.MACHINE_LEARNING_MODEL,
            bom_ref=f"model:{name}",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        )
        for name, digest in parts.models
    ]
