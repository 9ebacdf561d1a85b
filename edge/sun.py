"""Decides where the sun stands; advisory, so floats are allowed: nothing here touches energy."""

from __future__ import annotations

from math import asin, cos, degrees, radians, sin

_J2000_S = 946_728_000
"""2000-01-01 12:00 UTC as epoch seconds."""


def elevation_deg(latitude_deg: float, longitude_deg: float, at_s: int) -> float:
    """Return the sun's elevation above the horizon at an instant (UTC epoch s), degrees, without refraction.

    Good to 0.1 degrees between 1950 and 2050. Source: The Astronomical Almanac, low precision formulas for the sun's coordinates.
    """
    days = (at_s - _J2000_S) / 86_400
    anomaly = radians(357.528 + 0.9856003 * days)
    longitude = radians(280.460 + 0.9856474 * days + 1.915 * sin(anomaly) + 0.020 * sin(2 * anomaly))
    tilt = radians(23.439 - 0.0000004 * days)
    declination = asin(sin(tilt) * sin(longitude))
    # The equation of time, from the difference of mean longitude and right ascension, by its series.
    half = (tilt / 2) ** 2
    ascension = longitude - half * sin(2 * longitude) + half**2 / 2 * sin(4 * longitude)
    sidereal = radians(280.46062 + 360.98564737 * days + longitude_deg)
    latitude = radians(latitude_deg)
    hour_angle = sidereal - ascension
    return degrees(asin(sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(hour_angle)))
