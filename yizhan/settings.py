"""Settings of the embedded stack, from the environment: YIZHAN_WAVE_BYTES=65536."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class EmbeddedSettings(BaseSettings):
    """How much an import publishes before the whole chain must have taken it in.

    The in-process broker drops unread records beyond about 4 MiB a partition; a wave must fit into one.
    """

    model_config = SettingsConfigDict(env_prefix="YIZHAN_", extra="ignore")

    wave_bytes: int = Field(3 << 20, ge=1, le=3 << 20, description="bytes of documents in a wave")
    wave_lines: int = Field(4_000, ge=1, le=20_000, description="documents in a wave")
