"""The names that vendors give to columns, in the languages of their exports."""

from __future__ import annotations

import re
import unicodedata
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Role(Enum):
    """The content of a column of a price file, by its name."""

    OPEN = "open"
    HIGH = "high"
    LOW = "low"
    CLOSE = "close"
    LAST = "last"
    TIME = "time"
    OTHER = "other"


PRICES = frozenset({Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE, Role.LAST})
"""Roles of the columns that hold prices."""


class Language(Enum):
    """The convention for numbers that the language of a header suggests."""

    ENGLISH = "a header in English"
    POINT = "a header in a language that writes a decimal point"
    COMMA = "a header in a language that writes a decimal comma"


# Compact names (see `compact`); LAST is the fallback for files without a close.
_NAMES: dict[Language, dict[Role, str]] = {
    Language.ENGLISH: {
        Role.OPEN: "open openprice openingprice priceopen pxopen opnpric openindexvalue",
        Role.HIGH: "high highprice pricehigh pxhigh max hghpric highindexvalue",
        Role.LOW: "low lowprice pricelow pxlow min lwpric lowindexvalue",
        Role.CLOSE: "close closeprice closingprice priceclose closelast closevalue pxclose closing clspric"
        " closingindexvalue",
        Role.LAST: "last lastprice ltp pxlast latest latestprice lasttrade lasttradeprice lasttradedprice lastpric"
        " price tradeprice tradedprice settle settlement settlementprice settleprice",
        Role.TIME: "date time datetime dates timestamp gmttime utctime timeutc timestamputc localtime opentime"
        " timeopen unix unixtime unixtimestamp epoch snappedat dt ts day tradedate tradingdate tradingday"
        " datadate bartime barstart starttime begin begintime datetimeutc dateutc dategmt timegmt timems mts"
        " timestampms openingtime windowstart tsevent createdat sessiondate ymd dateandtime exchangetime traddt",
        Role.OTHER: "volume vol adjclose symbol ticker name volumebtc openint openinterest turnover change"
        " changepercent per period tickvol spread vwap trades marketcap count bid ask qty quantity size amount"
        " side currency exchange series",
    },
    Language.COMMA: {
        Role.OPEN: "abertura apertura ouverture ouv eroffnung eroffn eroffnungskurs erster otwarcie открытие откр"
        " acilis oppning apning avaus openen oppen aben apning άνοιγμα mo pembukaan",
        Role.HIGH: "maxima maximo plushaut haut eleve hoch hochst tageshoch massimo max hoog hoogste najwyzszy"
        " максимум макс yuksek hogst hoy ylin hoj υψηλό cao tertinggi",
        Role.LOW: "minima minimo plusbas bas faible tief tiefst tagestief minimo min laag laagste najnizszy минимум"
        " мин dusuk lagst lav alin χαμηλό thap terendah",
        Role.CLOSE: "fechamento cierre cerrar cloture fermeture schlusskurs schluss chiusura slotkoers slot zamkniecie"
        " kurszamkniecia закрытие закр ценазакрытия kapanis kapanisfiyati slutkurs stangning stangningskurs"
        " slutt sluttkurs paatoskurssi preciodecierre precodefechamento fecho courscloture"
        " coursdecloture clot prezzodichiusura lukkekurs zaroar inchidere κλείσιμο dongcua penutupan",
        Role.LAST: "ultimo dernier dernierprix zuletzt letzter laatste ostatnio senast simdi цена последняя posledni"
        " siste viimeisin seneste senaste laatst terakhir lancuoi τελευταία"
        " preco precio prix preis kurs koers prezzo cena fiyat ultimoprecio ultimopreco",
        Role.TIME: "data fecha datum tanggal tarih дата время hora heure uhrzeit zeit zeitpunkt czas tid dato"
        " paivamaara datahora fechahora ngay ημερομηνία",
        Role.OTHER: "wolumen объем объём hacim volumen volumes variacao var varpercent umsatz omzet изм",
    },
    Language.POINT: {
        Role.OPEN: "开盘 开盘价 開盤 開盤價 開市 始値 시가 เปิด",
        Role.HIGH: "最高 最高价 最高價 高 高値 고가 สูงสุด สูง",
        Role.LOW: "最低 最低价 最低價 低 安値 저가 ต่ำสุด ต่ำ",
        Role.CLOSE: "收盘 收盘价 收市价 收盤 收盤價 收市 收市價 収盤 終値 종가",
        Role.LAST: "现价 最新价 価格 ล่าสุด",
        Role.TIME: "日期 时间 時間 交易日期 日付 日付け 日時 日 날짜 일자 วันเดือนปี",
        Role.OTHER: "成交量 成交额 涨跌幅 交易量 거래량 出来高 变动 변동",
    },
}


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_ALMOST_CLOSE = _set(
    "adjclose adjustedclose closeadj closeadjusted adjustedcloseprice prevclose previousclose preclose"
    " prclose pclose uclose fclose bidclose askclose closebid closeask"
)
"""Names of a close that is not the close of the row's trades."""

_NOT_THE_CLOSE = _set(
    "adj adjusted adjust unadj unadjusted prev previous prior pre time date timestamp ts datetime bid ask"
    " offer volume vol change chg pct percent perc ret rets return returns diff delta next future fwd ma sma"
    " ema wma log lag norm normalized scaled id count std mean avg average roc rsi rank zscore signal flag"
    " shift open high low min max spread fair mark index position target label pred predicted forecast"
    " yesterday yest ajustado ajustada ajuste bereinigt adjustiert rettificata rettificato aangepast justert justerad"
    " justeret skorygowane скорректированная duzeltilmis anterior vortag vortages precedent precedente veille vorige"
    " vorigen poprzednie poprzedni предыдущая предыдущее onceki forrige foregaende edellinen"
)
"""Words that turn a name with "close" into that of another column."""

_CLOSING = _set("close closing zamkniecia закрытия kapanisi")
"""Further words that mean a close: English ones, and inflected forms."""

_CLOSING_SIGNS = ("收盘", "收市", "收盤", "終値", "종가", "ปิด")
_OTHER_SIGNS = ("前", "昨", "전일", "调整", "調整", "复权", "復權", "수정", "量", "额", "時", "时")
"""Signs that turn a name with a closing sign into that of another column: previous, adjusted, volume, time."""

_PLAIN_CLOSE = _set(
    "close closing price value level rate stock share end of the official regular session daily day todays today market"
    " final eod settlement settle trading oficial officiel officielle offizieller ufficiale officiele"
)
"""The words of names that mean the close of the row and nothing else."""

_NO_PRICE = (_NOT_THE_CLOSE - {"index", "future"}) | _set(
    "adjclose qty quantity quantities size amount trades trade ticks counts n number num no nr row rows ids idx key"
    " variation variacao variacion veranderung rendite rendement yield yields gain loss roi pnl profit"
    " dividend dividends div split splits factor ratio weight multiplier shares outstanding cap marketcap turnover"
    " interest oi openinterest vwap volatility sigma variance beta alpha macd score prob probability prediction"
    " side status type code year month week day hour minute second quarter weekday seconds millis ms us ns unix epoch"
    " balance equity cost costs fee fees commission tax eps revenue sales depth lot lots strike expiry duration"
    " total sum"
    " volumen umsatz stuck anzahl menge wolumen объем объём hacim cantidad quantidade quantite nombre numero"
)
"""Words of numeric columns that are not prices."""

_AVERAGES = _set("average avg mean")

_US = r"\bU\.?S\b\.?"
"""The country, as in `US dollar`; `us` means microseconds."""

_KEYS = _set(
    "symbol symbols sym ticker tickers pair currencypair isin instrument instrumentid instrumentname asset assetid coin"
    " coinid token stock stockcode stocksymbol security securityid securitycode securityname sedol cusip ric figi secid"
    " permno permco gvkey market product productid underlying company companyname fund currency ccy commodity contract"
    " tradingsymbol tickersymbol symbolid crypto name series seriesid country code id base index indexname"
    " simbolo symbole kod codigo codice titre titel titolo wertpapier nombre nome nom wahrung waehrung devise moneda"
    " moeda valuta waluta тикер инструмент валюта hisse kurum"
    " 代码 股票代码 证券代码 銘柄 銘柄コード コード 종목코드 종목명 名称"
)
"""Names of columns that identify the series of a row."""

_BARS = 4
_LETTERS = {"o": Role.OPEN, "h": Role.HIGH, "l": Role.LOW, "c": Role.CLOSE, "t": Role.TIME, "v": Role.OTHER}
"""Names of one letter, which are known where all four of bars are there."""

_SIBLINGS = (("close", ("open", "high", "low"), any), ("closing", ("open", "high", "low"), any), ("c", "ohl", all))
"""Words for a close, those of its bar, and whether one of them is enough."""

_UNITS = _set("元 円 원 点 tl try zl pln chf sek nok dkk czk eur")
_CURRENCIES = _set("usd eur gbp jpy inr cny brl krw chf aud cad btc eth usdt usdc busd")

# letters that do not decompose into a plain letter and an accent
_FOLDED = str.maketrans({"ł": "l", "Ł": "L", "\u0131": "i", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "æ": "ae"})
_LONGEST = 200
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORDS = re.compile(r"[^\W_]+")
_ORDINAL = re.compile(r"^\s*\d{1,2}[a-z]?[.)]\s*(?=\D)")


def words(name: str) -> tuple[str, ...]:
    """Split a name into its words: `ClosePrice`, `close_price` and `4. <CLOSE PRICE>` are (close, price)."""
    # a long text is not a name, and should not fill the cache
    return _words(name) if len(name) <= _LONGEST else (name.casefold(),)


@lru_cache(maxsize=1 << 15)
def _words(name: str) -> tuple[str, ...]:
    plain = _ORDINAL.sub("", name)
    if not plain.isascii():
        parts = unicodedata.normalize("NFKD", plain.translate(_FOLDED))
        plain = unicodedata.normalize("NFC", "".join(letter for letter in parts if not unicodedata.combining(letter)))
    return tuple(word.casefold() for word in _WORDS.findall(_CAMEL.sub(" ", plain)))


def compact(name: str) -> str:
    """Return a name without accents, case, blanks and punctuation: `Close Price` is `closeprice`."""
    return "".join(words(name))


_COMPACT_KEYS = frozenset(map(compact, _KEYS))

_ROLES: dict[str, Role] = {}
_LANGUAGES: dict[str, Language] = {}
for _language, _table in _NAMES.items():
    for _role, _names in _table.items():
        for _name in map(compact, _names.split()):
            _ROLES.setdefault(_name, _role)
            _LANGUAGES.setdefault(_name, _language)


def roles(header: Sequence[str]) -> list[Role | None]:
    """Return the role of each column by its name alone, `None` for an unknown name."""
    known = [_role_of(name) for name in header]
    if len(known) >= _BARS and set("ohlc") <= set(map(compact, header)):
        known = [role or _LETTERS.get(compact(name)) for role, name in zip(known, header, strict=True)]
    return known


def _role_of(name: str) -> Role | None:
    # no name ends with a digit, and most cells do
    if name[-1:].isdigit():
        return None
    plain = compact(name)
    if plain in _ROLES:
        return _ROLES[plain]
    # an English name with a unit may have a twin in another unit
    plain = "".join(word for word in words(name) if word not in _UNITS)
    return _ROLES[plain] if _LANGUAGES.get(plain, Language.ENGLISH) is not Language.ENGLISH else None


def are_numbers(header: Sequence[str]) -> bool:
    """Return whether all columns, or all but the first, are numbered from 0 or 1, which is as good as no names."""
    names = [name.strip() for name in header]
    rest = names if names[0].isdecimal() else names[1:]
    return len(rest) >= _BARS and any(rest == [str(place + first) for place in range(len(rest))] for first in (0, 1))


def affixed_closes(header: Sequence[str]) -> list[int]:
    """Return the columns, from 0, named "close" with a symbol or a currency: `BTC_Close`, `4. close (USD)`.

    The other words of the name must be currencies or symbols in capitals, or surround open, high or low as well.
    `mid.c` counts if there are `mid.o`, `mid.h` and `mid.l`.
    """
    closes = []
    for core, siblings, enough in _SIBLINGS:
        stems = [{tuple(_around(name, each)) for name in header} for each in siblings]
        for index, name in enumerate(header):
            rest = _around(name, core)
            if not rest or _NOT_THE_CLOSE.intersection(word.rstrip("0123456789") for word in rest):
                continue
            symbols = core != "c" and all(word in _CURRENCIES or _is_symbol(word, name) for word in rest)
            if symbols or enough(tuple(rest) in each for each in stems):
                closes.append(index)
    return sorted(closes)


def lasts(header: Sequence[str]) -> list[int]:
    """Return the columns of a last or only price, with or without a currency: `Last`, `Price (USD)`."""
    plain = ["".join(word for word in words(name) if word not in _CURRENCIES) for name in header]
    return [index for index, name in enumerate(plain) if _ROLES.get(name) is Role.LAST]


def other_closes(header: Sequence[str]) -> list[int]:
    """Return the columns with an unknown name that contains a close, in any language: `Official Close`.

    Adjusted closes, previous closes and closes of bids are left out.
    """
    known, affixed = roles(header), affixed_closes(header)
    return [i for i, name in enumerate(header) if known[i] is None and i not in affixed and _is_other_close(name)]


def _is_other_close(name: str) -> bool:
    parts, plain = words(name), compact(name)
    if plain in _ALMOST_CLOSE or _NOT_THE_CLOSE.intersection(word.rstrip("0123456789") for word in parts):
        return False
    if any(_ROLES.get(word) is Role.CLOSE or word in _CLOSING for word in parts):
        return True
    return any(sign in plain for sign in _CLOSING_SIGNS) and not any(sign in plain for sign in _OTHER_SIGNS)


def is_plain_close(name: str) -> bool:
    """Return whether an unusual name certainly means the close of its row."""
    return _PLAIN_CLOSE.issuperset(words(name))


def is_no_price(name: str, *, or_average: bool = True) -> bool:
    """Return whether a name is that of another column than a close or a price; with `or_average` of a mean, too."""
    role = roles([name])[0]
    if role is not None:
        return role is not Role.CLOSE and role is not Role.LAST
    not_a_price = _NO_PRICE if or_average else _NO_PRICE - _AVERAGES
    return (
        compact(name) == "index"
        or name.startswith("__index_level_")
        or bool(not_a_price.intersection(word.rstrip("0123456789") for word in words(re.sub(_US, "", name))))
    )


def is_key(name: str) -> bool:
    """Return whether a column, by its name, identifies the series of a row."""
    return compact(name) in _COMPACT_KEYS


def _is_symbol(word: str, name: str) -> bool:
    return word.isalpha() and word.upper() in name and name != name.upper()


def _around(name: str, core: str) -> list[str]:
    """Return the words around `core` without "price"; none if `core` is not in the name."""
    rest = [word for word in words(name) if word != "price"]
    if core not in rest:
        return []
    rest.remove(core)
    return rest


def almost_closes(header: Sequence[str]) -> list[int]:
    """Return the columns that mention a close but are not the close; if there are none, those of bids and asks."""
    closes = [i for i, name in enumerate(header) if compact(name) in _ALMOST_CLOSE or "close" in words(name)]
    return closes or [i for i, name in enumerate(header) if {"bid", "ask"}.intersection(words(name))]


def is_clock(name: str) -> bool:
    """Return whether a name means a time of day, which needs a column of dates."""
    return compact(name) in {"time", "hora", "heure", "uhrzeit", "czas", "время", "tid"}


def language(header: Sequence[str]) -> Language:
    """Return the convention that a header suggests, by names that only one language has."""
    languages = {_LANGUAGES.get(compact(name)) for name in header}
    return next((it for it in (Language.POINT, Language.COMMA) if it in languages), Language.ENGLISH)
