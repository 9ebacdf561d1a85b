"""Feeds, zone totals and what traded: each number has a time, a source and bounds, and nobody chooses what is counted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from oracle_world import (
    ADMIN,
    APPLIED,
    OPERATOR,
    SUSPENDED,
    TOLERANCE_S,
    Meter,
    Reading,
    World,
)
from program_harness import START_S, Chain, Outcome, expect_error, expect_ok, expect_shared, keypair, pda, program_id
from solders.instruction import AccountMeta
from solders.keypair import Keypair

from gridkit.chain import accounts

Record = Callable[[str, Outcome], Outcome]
NOW = START_S // 900 - 1
FIRST = NOW - 100
WEATHER, GRID_STATUS, MARKET_PRICE, FORECAST = range(4)
CAMPUS = 65_535


@pytest.fixture
def world(chain: Chain) -> World:
    return World(chain)


# ------------------------------------------------------------------------------------------------------------------ feeds


def post(
    world: World,
    kind: int = WEATHER,
    series: int = 1,
    zone: int = 1,
    signers: list[Keypair] | None = None,
    **changes: Any,
) -> Outcome:
    signers = signers or [world.poster]
    args = {"value": 215, "confidence": 5, "publish_time": START_S - 60, "interval": NOW, "sequence": 1} | changes
    named = {
        "poster": signers[0],
        "council": world.council,
        "config": world.config,
        "feed": world.feed(kind, series, zone),
    }
    metas = [AccountMeta(key.pubkey(), is_signer=True, is_writable=False) for key in signers[1:]]
    return world.chain.call("oracle", "post_feed", named, signers[1:], metas, **args)


@pytest.fixture
def feed(world: World) -> World:
    expect_ok(world.create_feed(WEATHER, 1, 1))
    return world


@pytest.mark.parametrize("kind", [WEATHER, GRID_STATUS, MARKET_PRICE, FORECAST])
@pytest.mark.parametrize("zone", [1, CAMPUS])
def test_feed_keeps_value_time_confidence_and_bounds(world: World, kind: int, zone: int, record_units: Record) -> None:
    """Whoever reads a value can say how old it is, how sure, and in which unit."""
    created = world.create_feed(kind, 2, zone)
    posted = expect_ok(created) and post(world, kind, 2, zone, value=-17, interval=NOW + 96)
    if (kind, zone) == (WEATHER, 1):
        record_units("oracle.create_feed", created)
        record_units("oracle.post_feed", posted)
    event = created.event("FeedCreated")
    assert (bytes(event["feed"]), event["kind"], event["zone"]) == (bytes(world.feed(kind, 2, zone)), kind, zone)
    event = expect_ok(posted).event("FeedPosted")
    assert (event["value"], event["confidence"], event["sequence"], event["signers"]) == (-17, 5, 1, 1)
    found = world.chain.read("oracle", "Feed", world.feed(kind, 2, zone))
    wanted = {
        **{"kind": kind, "series": 2, "zone": zone, "exponent": -1, "max_age_s": 7_200, "interval": NOW + 96},
        **{"value": -17, "confidence": 5, "publish_time": START_S - 60, "posted_at": START_S, "sequence": 1},
        **{"min_value": -400, "max_value": 1_500, "max_confidence": 50},
    }
    assert {name: found[name] for name in wanted} == wanted


def test_reader_can_tell_that_a_value_is_stale(feed: World) -> None:
    """A sensor that has died must not look like a calm day; an empty feed is stale from the beginning."""
    read = accounts.decode_feed(feed.chain.data(feed.feed(WEATHER, 1, 1)))
    assert read.is_stale(START_S)
    expect_ok(post(feed))
    read = accounts.decode_feed(feed.chain.data(feed.feed(WEATHER, 1, 1)))
    assert (read.value, read.exponent, read.confidence, read.sequence) == (215, -1, 5, 1)
    assert not read.is_stale(START_S - 60 + 7_200)
    assert read.is_stale(START_S - 60 + 7_201)
    with pytest.raises(accounts.AccountError):
        accounts.decode_feed(feed.chain.data(feed.slab()))


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("value", -400, -401),
        ("value", 1_500, 1_501),
        ("confidence", 50, 51),
        ("confidence", 0, 2**64 - 1),
    ],
)
def test_value_outside_the_bounds_is_refused(feed: World, name: str, inside: int, outside: int) -> None:
    """A thermometer that shows 850 degrees is broken."""
    expect_error(post(feed, **{name: outside}), "oracle", "FeedOutOfBounds")
    expect_ok(post(feed, **{name: inside}))


def test_sequence_rises_and_time_does_not_fall(feed: World) -> None:
    """An old value that is sent again must not look new."""
    expect_ok(post(feed, sequence=5))
    for sequence in (0, 4, 5):
        expect_error(post(feed, sequence=sequence), "oracle", "FeedOutOfSequence")
    expect_error(post(feed, sequence=6, publish_time=START_S - 61), "oracle", "FeedOutOfSequence")
    expect_ok(post(feed, sequence=6))
    expect_ok(post(feed, sequence=2**64 - 1, publish_time=START_S))


def test_value_must_be_fresh_and_not_from_the_future(feed: World) -> None:
    """On both sides of both edges."""
    expect_error(post(feed, publish_time=START_S - 7_201), "oracle", "FeedOutOfTime")
    expect_error(post(feed, publish_time=START_S + TOLERANCE_S + 1), "oracle", "FeedOutOfTime")
    for never in (0, -1, -(2**63)):
        expect_error(post(feed, publish_time=never), "oracle", "FeedOutOfSequence" if never < 0 else "FeedOutOfTime")
    expect_error(post(feed, publish_time=2**63 - 1), "oracle", "FeedOutOfTime")
    expect_ok(post(feed, publish_time=START_S - 7_200))
    expect_ok(post(feed, publish_time=START_S + TOLERANCE_S, sequence=2))


def test_feed_needs_as_many_oracle_keys_as_attested_readings(feed: World) -> None:
    """Both are the oracle's word."""
    expect_ok(feed.set_oracles(2, [feed.poster.pubkey(), feed.second.pubkey()]))
    expect_error(post(feed), "oracle", "ThresholdNotMet")
    expect_error(post(feed, signers=[feed.chain.wallet("stranger")]), "oracle", "NotOracleKey")
    expect_error(post(feed, signers=[feed.poster, feed.admin]), "oracle", "NotOracleKey")
    outcome = post(feed, signers=[feed.second, feed.poster])
    assert expect_ok(outcome).event("FeedPosted")["signers"] == 3


def test_pause_of_readings_stops_feeds(feed: World) -> None:
    """An oracle that is not trusted for readings is not trusted for prices."""
    feed.put_council(pause_mask=1, pause_until=START_S + 10)
    expect_error(post(feed), "oracle", "Paused")
    feed.chain.advance(10)
    expect_ok(post(feed))


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": 4},
        {"kind": 255},
        {"exponent": 19},
        {"exponent": -19},
        {"exponent": -128},
        {"max_age_s": 0},
        {"min_value": 1_501},
    ],
    ids=str,
)
def test_feed_must_make_sense(world: World, changes: dict[str, int]) -> None:
    """A feed without bounds would keep any nonsense."""
    kind = changes.get("kind", WEATHER)
    bounds = {name: value for name, value in changes.items() if name != "kind"}
    expect_error(world.create_feed(kind, 0, 1, **bounds), "oracle", "InvalidFeed")


@pytest.mark.parametrize(("role", "status"), [(OPERATOR, 1), (ADMIN, 2)])
def test_only_an_active_admin_creates_a_feed(world: World, role: int, status: int) -> None:
    """Its bounds decide what is believed."""
    world.put_user(world.admin.pubkey(), role=role, status=status)
    expect_error(world.create_feed(WEATHER, 0, 1), "oracle", "NotAdmin")


def test_feed_is_made_once_and_at_its_seeds(feed: World) -> None:
    """Other bounds for the same series would be a second truth."""
    expect_shared(feed.create_feed(WEATHER, 1, 1), "ALREADY_INITIALIZED")
    expect_shared(feed.create_feed(WEATHER, 2, 1, feed=feed.feed(WEATHER, 3, 1)), "WRONG_SEEDS")


def rebound(world: World, council: Keypair | None = None, **changes: int) -> Outcome:
    args = {"max_age_s": 60, "min_value": 0, "max_value": 300, "max_confidence": 4} | changes
    accounts_ = {"config": world.config, "feed": world.feed(WEATHER, 1, 1)}
    return world.decide("set_feed", accounts_, council, **args)


def test_council_sets_other_bounds(feed: World, record_units: Record) -> None:
    """Bounds that were mistyped would otherwise stand for ever; what was posted under them stays."""
    expect_ok(post(feed, value=-5))
    event = record_units("oracle.set_feed", rebound(feed)).event("FeedBounded")
    assert (event["kind"], event["series"], event["zone"], event["max_value"]) == (WEATHER, 1, 1, 300)
    found = feed.chain.read("oracle", "Feed", feed.feed(WEATHER, 1, 1))
    assert (found["value"], found["sequence"], found["min_value"], found["max_age_s"]) == (-5, 0, 0, 60)
    expect_error(post(feed, sequence=2, value=-1, confidence=4), "oracle", "FeedOutOfBounds")
    expect_error(post(feed, sequence=2, value=1, confidence=5), "oracle", "FeedOutOfBounds")
    expect_ok(post(feed, sequence=2, value=300, confidence=4))


def test_council_frees_a_feed_whose_numbers_are_used_up(feed: World) -> None:
    """One post with the last number there is would otherwise silence the feed for ever, whoever holds the keys afterwards."""
    expect_ok(post(feed, sequence=2**64 - 1, publish_time=START_S - 30))
    expect_error(post(feed, sequence=2**64 - 1, publish_time=START_S), "oracle", "FeedOutOfSequence")
    expect_ok(rebound(feed))
    expect_error(
        post(feed, sequence=1, publish_time=START_S - 31, value=1, confidence=4), "oracle", "FeedOutOfSequence"
    )
    expect_ok(post(feed, sequence=1, publish_time=START_S, value=1, confidence=4))


def test_bounds_are_the_councils_and_make_sense(feed: World) -> None:
    """An admin creates a feed; one key alone must not be able to open its bounds later."""
    for other in (feed.admin, feed.poster):
        expect_shared(rebound(feed, other), "WRONG_ADDRESS")
    expect_error(rebound(feed, max_age_s=0), "oracle", "InvalidFeed")
    expect_error(rebound(feed, min_value=301), "oracle", "InvalidFeed")


# ----------------------------------------------------------------------------------------------------------------- totals


def total(world: World, interval: int) -> dict[str, int]:
    return world.chain.read("oracle", "ZoneTotals", world.totals())["entries"][interval % 300]


@pytest.fixture
def meters(world: World) -> list[Meter]:
    """Three meters that have opened at FIRST and spoken for FIRST + 1; the totals are made."""
    meters = [world.meter(slot) for slot in (0, 7, 255)]
    assert world.reasons(*[Reading(meter, FIRST, 100, 50) for meter in meters]) == [APPLIED] * 3
    readings = [Reading(meter, FIRST + 1, 110 + n, 50 + n) for n, meter in enumerate(meters)]
    assert world.reasons(*readings) == [APPLIED] * 3
    expect_ok(world.open_totals())
    return meters


def test_totals_are_sums_over_every_slot(world: World, meters: list[Meter], record_units: Record) -> None:
    """From the first slot to the last, whatever the meters' status; the caller names an interval and nothing else."""
    meters[1].status = SUSPENDED
    expect_ok(world.sync(meters[1]))
    outcome = record_units("oracle.close_interval", world.close(FIRST + 1))
    event = outcome.event("IntervalClosed")
    wanted = {"interval": FIRST + 1, "active": 2, "reported": 2, "attested": 0, "faulted": 0}
    wanted |= {"acc_import_wh": 10 + 11 + 12, "acc_export_wh": 0 + 1 + 2}
    assert event == {"zone": 1, **wanted}
    assert total(world, FIRST + 1) == wanted | {"closed_at": START_S}
    head = world.chain.read("oracle", "ZoneTotals", world.totals())
    assert (head["zone"], head["last_interval"], head["closed_count"]) == (1, FIRST + 1, 1)


def test_late_energy_is_in_the_next_total(world: World, meters: list[Meter]) -> None:
    """What was credited between two closings is their difference, so nothing is lost and nothing counted twice."""
    expect_ok(world.close(FIRST + 1))
    assert world.reasons(Reading(meters[0], FIRST + 3, 150, 60)) == [APPLIED]
    expect_ok(world.close(FIRST + 3))
    first, second = total(world, FIRST + 1), total(world, FIRST + 3)
    assert second["acc_import_wh"] - first["acc_import_wh"] == 40
    assert second["acc_export_wh"] - first["acc_export_wh"] == 10
    assert (second["reported"], second["active"]) == (1, 3)


def test_interval_is_closed_once_and_in_order(world: World, meters: list[Meter]) -> None:
    """Totals that could be closed again could be chosen."""
    expect_ok(world.close(FIRST + 5))
    for interval in (FIRST + 5, FIRST + 4, 0):
        expect_error(world.close(interval), "oracle", "AlreadyClosed")


def test_meters_are_waited_for_and_not_for_ever(world: World, meters: list[Meter]) -> None:
    """Nobody may close an interval while meters can still report it, and one dead meter holds nobody up."""
    target = NOW + 3
    end = 900 * (target + 1)
    late = [Reading(meter, target, 200, 90) for meter in meters]
    world.chain.set_time(end - 1)
    assert world.reasons(*late[:2]) == [APPLIED] * 2
    expect_error(world.close(target), "oracle", "StillOpen")
    world.chain.set_time(end + 899)
    expect_error(world.close(target), "oracle", "StillOpen")
    world.chain.set_time(end + 900)
    event = expect_ok(world.close(target)).event("IntervalClosed")
    assert (event["active"], event["reported"]) == (3, 2)


def test_interval_is_closed_as_soon_as_all_have_reported(world: World, meters: list[Meter]) -> None:
    """And never before it has ended, though a reading may be a little ahead."""
    target = NOW + 3
    end = 900 * (target + 1)
    world.chain.set_time(end - TOLERANCE_S)
    assert world.reasons(*[Reading(meter, target, 200, 90) for meter in meters]) == [APPLIED] * 3
    expect_error(world.close(target), "oracle", "StillOpen")
    world.chain.set_time(end)
    expect_ok(world.close(target))


def test_attested_meters_are_counted_apart(world: World, meters: list[Meter]) -> None:
    """Attested energy is not in the totals, and nobody can mistake it for verified."""
    assert not expect_ok(world.attest(FIRST + 2, {0: (140, 50), 7: (111, 51)})).events("AttestedSkipped")
    assert world.reasons(Reading(meters[1], FIRST + 2, 111, 51)) == [APPLIED]
    event = expect_ok(world.close(FIRST + 2)).event("IntervalClosed")
    assert (event["active"], event["reported"], event["attested"]) == (3, 1, 1)
    assert event["acc_import_wh"] == 10 + 11 + 12


def test_sum_beyond_64_bits_is_refused(world: World, meters: list[Meter]) -> None:
    """A wrapped total would be a wrong one."""
    world.patch_entry(0, 80, (2**64 - 10).to_bytes(8, "little"))
    assert not world.close(FIRST + 1).ok


def test_ring_keeps_three_hundred_intervals(world: World, meters: list[Meter]) -> None:
    """Three days; older totals are in the events."""
    expect_ok(world.close(FIRST - 299))
    expect_ok(world.close(FIRST + 1))
    assert total(world, FIRST + 1)["interval"] == FIRST + 1
    assert not [
        e for e in world.chain.read("oracle", "ZoneTotals", world.totals())["entries"] if e["interval"] == FIRST - 299
    ]


def test_totals_belong_to_one_slab(chain: Chain) -> None:
    """Another zone's meters must not be counted here."""
    world = World(chain, zones=(1, 2))
    expect_ok(world.open_totals(1))
    expect_ok(world.open_totals(2))
    accounts_ = {"slab": world.slab(2), "totals": world.totals(1)}
    expect_shared(chain.call("oracle", "close_interval", accounts_, interval=FIRST), "WRONG_ADDRESS")
    expect_ok(world.close(FIRST, 2))


# ----------------------------------------------------------------------------------------------------------------- trades


def traded(world: World, interval: int) -> dict[str, Any]:
    return world.chain.read("oracle", "TradeTotals", world.trades)["entries"][interval % 150]


@pytest.fixture
def market(world: World) -> World:
    expect_ok(world.open_trades())
    world.put_market({NOW - 1: (3, 500, 123_000), NOW: (1, 20, 4_000)})
    return world


def test_totals_of_the_market_are_copied(market: World, record_units: Record) -> None:
    """The market is the only source: nobody names an amount."""
    outcome = record_units("oracle.record_trades", market.record(NOW - 1))
    wanted = {"interval": NOW - 1, "trades": 3, "lots": 500, "value_ucredit": 123_000, "last_trade": 3}
    event = outcome.event("TradesRecorded")
    found = traded(market, NOW - 1)
    for part in (event, found):
        assert {name: part[name] for name in wanted} == wanted
        assert bytes(part["fills_hash"]) == hashlib.sha256(str(NOW - 1).encode()).digest()


def test_recording_again_changes_nothing_and_says_nothing(market: World) -> None:
    """Anybody may call at any time."""
    expect_ok(market.record(NOW - 1))
    before = market.chain.data(market.trades)
    assert not expect_ok(market.record(NOW - 1)).events()
    assert market.chain.data(market.trades) == before


def test_later_totals_of_the_same_interval_replace_earlier_ones(market: World) -> None:
    """An auction is settled after its interval has ended."""
    expect_ok(market.record(NOW - 1))
    market.put_market({NOW - 1: (4, 510, 130_000)})
    assert expect_ok(market.record(NOW - 1)).event("TradesRecorded")["trades"] == 4
    assert traded(market, NOW - 1)["lots"] == 510


def test_interval_without_a_trade_is_recorded_with_zeros(market: World) -> None:
    """Nothing traded is a fact too; no record would look like a missing one."""
    event = expect_ok(market.record(NOW - 2)).event("TradesRecorded")
    assert (event["interval"], event["trades"], event["lots"], bytes(event["fills_hash"])) == (NOW - 2, 0, 0, bytes(32))
    market.put_market({NOW - 2 - 128: (9, 9, 9)})
    assert not expect_ok(market.record(NOW - 2)).events()


def test_interval_that_still_runs_is_refused(market: World) -> None:
    """Its totals are not final."""
    expect_error(market.record(NOW + 1), "oracle", "StillOpen")
    expect_error(market.record(0), "oracle", "StillOpen")
    market.chain.set_time(900 * (NOW + 2))
    expect_ok(market.record(NOW + 1))


def test_totals_that_are_gone_cannot_be_recorded(market: World) -> None:
    """Neither when the market has forgotten them, nor over later ones here."""
    expect_error(market.record(NOW - 128), "oracle", "TotalsGone")
    expect_ok(market.record(NOW - 5))
    expect_error(market.record(NOW - 5 - 150), "oracle", "TotalsGone")


def test_market_is_the_one_that_the_trading_program_names(market: World) -> None:
    """Another account of the same bytes, of whatever owner, is not the market."""
    fake = keypair("fake market").pubkey()
    for owner in ("trading", "registry"):
        market.chain.put(fake, market.chain.data(market.market), program_id(owner))
        expect_shared(market.record(NOW, market=fake), "WRONG_ADDRESS")
    fake_config = bytearray(market.chain.data(market.trading_config))
    fake_config[240:272] = bytes(fake)
    market.chain.put(pda("registry", b"config"), bytes(fake_config), program_id("registry"))
    expect_shared(market.record(NOW, trading_config=pda("registry", b"config"), market=fake), "WRONG_OWNER")
    expect_ok(market.record(NOW))


def test_before_there_is_a_market_nothing_is_recorded(world: World) -> None:
    """The trading program names no market yet; the zero address is none."""
    expect_ok(world.open_trades())
    world.put_market({})
    world.chain.patch(world.trading_config, 240, bytes(32))
    expect_shared(world.record(NOW), "WRONG_ADDRESS")
    expect_shared(world.record(NOW, market=world.chain.payer.pubkey().default()), "WRONG_OWNER")


def test_opening_costs(world: World, record_units: Record) -> None:
    """Once for each zone, and once."""
    record_units("oracle.open_totals", world.open_totals())
    record_units("oracle.open_trades", world.open_trades())


def test_full_zone_is_closed_within_the_default_budget(world: World, meters: list[Meter], record_units: Record) -> None:
    """256 meters are one instruction, so no sum is ever put together from parts."""
    slab = bytearray(world.chain.data(world.slab()))
    for slot in range(256):
        slab[160 + 144 * slot : 304 + 144 * slot] = slab[160:304]
    world.chain.put(world.slab(), bytes(slab), program_id("oracle"))
    outcome = record_units("oracle.close_interval.256", world.close(FIRST + 1))
    event = outcome.event("IntervalClosed")
    assert (event["active"], event["reported"], event["acc_import_wh"]) == (256, 256, 256 * 10)
    assert outcome.units < 200_000
