"""Decides which signed configuration is in use: a newer one comes on trial, and is kept or taken back by what answers under it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from edge.errors import SigningKeyError, SpoolError, TokenError
from edge.keystore import KeyStore
from edge.meter import Meter
from edge.metrics import Counters
from edge.rounds import DEAD_AFTER
from edge.settings import EdgeSettings
from edge.spool_thread import SpoolThread
from gridkit.enrolment import AgentConfig, EnrolmentError, verify_config
from gridkit.keys import KeyFileError
from gridkit.log import get_logger
from gridkit.topics import agent_config_topic, receipt_topic

log = get_logger("edge.configuration")

RETRY_S = 3600.0
"""A version that was taken back is asked for again after this, wall s, and not tried before."""


class Trial:
    """A configuration in use that has yet to prove itself: what to go back to, and what has answered under it.

    Attributes:
        polls_before: Polls answered before it came; -1 when no meter was answering then either.
        asked: Ids of the messages by which the broker is asked.
        taken, refused: Whether the broker has taken one of them, or refused one.
    """

    def __init__(
        self, previous: AgentConfig, config: AgentConfig, data: bytes, began_s: float, polls_before: int
    ) -> None:
        self.previous, self.config, self.data = previous, config, data
        self.began_s, self.polls_before = began_s, polls_before
        self.asked: set[int] = set()
        self.taken = self.refused = False


def _was_answering(meter: Meter) -> bool:
    """Return whether a meter answers, or did so before the agent was started and has not been heard since: a power cut is no excuse."""
    return meter.failures < DEAD_AFTER or (meter.last_sample is None and meter.state.measured_interval >= 0)


class Configuration:
    """The signed configuration of one agent. The spool's readings stay; a rotation that was heard of late signs them again."""

    def __init__(
        self,
        settings: EdgeSettings,
        meters: Mapping[bytes, Meter],
        keys: KeyStore,
        spool: SpoolThread,
        counters: Counters,
        *,
        ask_broker: Callable[[Meter], int | None],
        changed: Callable[[list[str]], None],
        signed_again: Callable[[Meter], None],
    ) -> None:
        """Use the one that was kept, if there is one.

        Args:
            settings: The operator's key and the network's tag.
            meters: By meter id.
            keys: Looked through again when a meter's row names a key that is not loaded.
            spool: Where it is kept.
            counters: Of the agent.
            ask_broker: Publishes something under a meter's row and returns the message's id, None when it was not taken.
            changed: Called with the receipt topics that are new, once another configuration is in use.
            signed_again: Called when readings of a meter that wait in the spool have other payloads now.
        """
        self.current: AgentConfig | None = None
        self._topic = agent_config_topic(settings.agent)
        self._trial_s = settings.config_trial_s
        self._key = bytes.fromhex(settings.config_key)
        self._network_tag = settings.network_tag_bytes
        self._meters = meters
        self._keys = keys
        self._spool = spool
        self._counters = counters
        self._ask_broker = ask_broker
        self._changed = changed
        self._signed_again = signed_again
        self._trial: Trial | None = None
        self._refused_version = -1
        self._refused_until_s = 0.0
        kept = spool.spool.config()
        config = None if kept is None else self._verified(kept)
        if config is not None:
            self._use(config)

    @property
    def version(self) -> int:
        """Of the one in use; -1 when there is none."""
        return -1 if self.current is None else self.current.version

    def receipt_topics(self) -> list[str]:
        """Return where the receipts of the configured meters come."""
        return [receipt_topic(m.row.zone, m.row.number) for m in self._meters.values() if m.row is not None]

    async def take(self, data: bytes) -> None:
        """Use a signed configuration that is newer than the one in use; on trial, unless it is the first. Raises SpoolError."""
        config = self._verified(data)
        if config is None or not self._is_wanted(config):
            return
        # What is on trial has not proved itself: one that takes its place goes back to what has.
        previous = self.current if self._trial is None else self._trial.previous
        self._trial = None
        await self._take_over(config)
        if previous is None:
            await self._spool.run(self._spool.spool.save_config, config.version, data)
            return
        # On disk only once it has proved itself: a kill in between goes back by itself.
        alive = any(map(_was_answering, self._meters.values()))
        polls = self._counters.value("campusgrid_edge_polls_total") if alive else -1
        self._trial = Trial(previous, config, data, time.monotonic(), polls)
        self._trial.asked = set(filter(None, map(self._ask_broker, self._meters.values())))
        # One without a meter of ours has nothing to be refused.
        self._trial.taken = all(meter.row is None for meter in self._meters.values())

    def look_for_keys(self) -> bool:
        """Load keys that were made meanwhile; return whether a next one lies ready: the registry may have switched to it."""
        is_ready = False
        for meter in self._meters.values():
            if self._load_keys(meter):
                is_ready |= meter.row is not None and max(meter.keys, default=0) > meter.row.key_epoch
        return is_ready

    def _load_keys(self, meter: Meter) -> bool:
        """Look through a meter's keys; False where they cannot be read: those that are loaded stay in use."""
        try:
            meter.keys = self._keys.keys(meter.settings.key_file)
        except (KeyFileError, TokenError, OSError) as error:
            log.error("keys_unreadable", meter_id=meter.name, error=str(error))
            return False
        return True

    def acknowledged(self, mid: int, ok: bool) -> None:
        """Note the broker's word on a publication, if it was asked by it."""
        if self._trial is not None and mid in self._trial.asked:
            self._trial.taken = self._trial.taken or ok
            self._trial.refused = self._trial.refused or not ok

    async def judge_trial(self) -> None:
        """Keep a new configuration once a meter and the broker have answered under it; go back when they do not."""
        trial = self._trial
        if trial is None:
            self._ask_again()
            return
        polled = self._counters.value("campusgrid_edge_polls_total") > trial.polls_before
        if trial.taken and polled:
            self._trial = None
            await self._keep(trial)
        elif trial.refused or time.monotonic() - trial.began_s > self._trial_s:
            self._trial = None
            await self._go_back(trial)

    def _ask_again(self) -> None:
        """Have the broker bring the retained configuration once more that was taken back: whoever cut us off may have gone."""
        if self._refused_version > self.version and time.monotonic() >= self._refused_until_s:
            self._refused_version = -1
            self._changed([self._topic])

    async def _keep(self, trial: Trial) -> None:
        try:
            await self._spool.save_config(trial.config.version, trial.data)
        except SpoolError:
            pass  # It is used all the same, and comes again from the broker after a restart.
        log.info("config_kept", version=trial.config.version)

    async def _go_back(self, trial: Trial) -> None:
        self._refused_version = trial.config.version
        self._refused_until_s = time.monotonic() + RETRY_S
        self._counters.add("campusgrid_edge_config_rollbacks_total")
        why = "refused by the broker" if trial.refused else "no meter" if trial.taken else "no broker"
        log.error("config_rolled_back", version=trial.config.version, to=trial.previous.version, why=why)
        await self._take_over(trial.previous)

    def _verified(self, data: bytes) -> AgentConfig | None:
        try:
            return verify_config(data, self._key, self._network_tag)
        except EnrolmentError as error:
            self._refuse(type(error).__name__)
            log.error("config_refused", error=str(error))
            return None

    def _is_wanted(self, config: AgentConfig) -> bool:
        if config.version <= self.version:
            if config.version < self.version:
                self._refuse("older")
                log.warning("config_older", version=config.version, kept=self.version)
            elif config != self.current:
                self._refuse("same_version")
                log.error("config_same_version", version=config.version, why="another content than the one in use")
            return False
        if self._refused_version == config.version and time.monotonic() < self._refused_until_s:
            self._refuse("rolled_back")
            return False
        return True

    def _refuse(self, reason: str) -> None:
        self._counters.add("campusgrid_edge_config_refused_total", reason=reason)

    async def _take_over(self, config: AgentConfig) -> None:
        known = set(self.receipt_topics())
        for meter in self._meters.values():
            async with meter.busy:
                self._set_row(meter, config)
                await self._sign_again(meter)
        self._use(config)
        self._changed([topic for topic in self.receipt_topics() if topic not in known])

    async def _sign_again(self, meter: Meter) -> None:
        """What was made after the switch, and before the agent heard of it, gets the new key's signature."""
        if meter.row is None:
            return
        try:
            count = await self._spool.sign_again(meter, meter.row)
        except SpoolError:
            return  # The bridge refuses them, and the next configuration finds them in quarantine.
        except (SigningKeyError, TokenError) as error:
            log.error("not_signed_again", meter_id=meter.name, error=str(error))
            return
        if count:
            self._counters.add("campusgrid_edge_signed_again_total", count, meter=meter.name)
            log.warning("signed_again", meter_id=meter.name, readings=count, key_epoch=meter.row.key_epoch)
            self._signed_again(meter)

    def _set_row(self, meter: Meter, config: AgentConfig) -> None:
        meter.row = config.meter(meter.meter_id)
        if meter.row is not None and meter.row.key_epoch not in meter.keys:
            self._load_keys(meter)

    def _use(self, config: AgentConfig) -> None:
        self.current = config
        for meter in self._meters.values():
            self._set_row(meter, config)
        numbered = sum(1 for meter in self._meters.values() if meter.row is not None)
        log.info("config_taken", version=config.version, meters=numbered)
