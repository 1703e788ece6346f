"""What a wheel really is: GPU paths, the CPU that it needs, libraries, and verdicts per target."""

from jetson_kit.audit.core import Audit, audit
from jetson_kit.audit.verdict import Verdict

__all__ = ["Audit", "Verdict", "audit"]
