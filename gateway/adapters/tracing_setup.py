"""Sets up OpenTelemetry's SDK and exporter, from its own environment variables.

``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_SERVICE_NAME``, ``OTEL_RESOURCE_ATTRIBUTES``,
``OTEL_TRACES_SAMPLER``, ``OTEL_BSP_...``: see
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. Without tracing
nothing of it is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from gateway.ports import WarmlineError

if TYPE_CHECKING:
    from gateway.adapters.tracing import Tracing

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def tracing_from_environment(
    enabled: bool | Literal["auto"], environ: Mapping[str, str]
) -> Tracing | None:
    """Tracing, or None when it is off. ``auto`` turns it on when an endpoint is set.

    Raises WarmlineError when it is on and OpenTelemetry is not installed.
    """
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    on = any(environ.get(name) for name in ENDPOINTS) if enabled == "auto" else enabled
    named = "OTEL_SERVICE_NAME" in environ or "service.name" in environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    return _exporting_tracing(None if named else "warmline") if on else None


def _exporting_tracing(service_name: str | None) -> Tracing:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        from gateway.adapters.tracing import Tracing  # noqa: PLC0415
    except ImportError:
        what = "tracing is enabled, but OpenTelemetry is not installed"
        raise WarmlineError(f"{what}; pip install 'warmline[otel]'") from None
    # A name given here wins over the environment.
    attributes = {"service.name": service_name} if service_name else {}
    provider = TracerProvider(resource=Resource.create(attributes))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)
