//! Copies what traded in an interval from the market. The market's own totals are the only source, so anybody may call.
use crate::{
    error::{arguments, require},
    generated::{
        record_trades_accounts as at,
        OracleError::{StillOpen, TotalsGone},
        RecordTradesArgs, TradesRecorded, TRADE_TOTALS_LEN,
    },
    processor::{end_s, now_s},
    state::{Config, Market, TradeTotal, TradeTotals, TradingConfig, MARKET_INTERVALS},
};
use campusgrid_sdk::{
    account::{load, load_mut, require_address},
    event,
    plain::bytes_of,
    Ctx, Fault, Outcome,
};

#[inline(never)]
pub fn record_trades(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(RecordTradesArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [config, trading_config, market, trades] = ctx.take::<{ at::COUNT }>()?;
    let mut trades = load_mut::<TradeTotals>(trades, program_id)?;
    require_address(config, &trades.config)?;
    let config = load::<Config>(config, program_id)?;
    let trading_config = load::<TradingConfig>(trading_config, &config.trading_program)?;
    require_address(market, &trading_config.market)?;
    let market = load::<Market>(market, &config.trading_program)?;
    let interval = args.interval;
    require(interval != 0 && end_s(interval) <= now_s()?, StillOpen)?;

    let source = market.intervals.get((interval % MARKET_INTERVALS) as usize).ok_or(Fault::OVERFLOW)?;
    require(source.interval <= interval, TotalsGone)?;
    // An interval without a trade has no entry of its own: an older one stands there, or none.
    let total = if source.interval == interval {
        *source
    } else {
        TradeTotal { interval, trades: 0, lots: 0, value_ucredit: 0, fills_hash: [0; 32], last_trade: 0 }
    };
    let place = trades.entries.get_mut((interval % TRADE_TOTALS_LEN as u32) as usize).ok_or(Fault::OVERFLOW)?;
    require(place.interval <= interval, TotalsGone)?;
    if bytes_of(place) == bytes_of(&total) {
        return Ok(());
    }
    *place = total;

    let mut bytes = [0; TradesRecorded::SIZE];
    TradesRecorded {
        interval,
        trades: total.trades,
        lots: total.lots,
        value_ucredit: total.value_ucredit,
        fills_hash: &total.fills_hash,
        last_trade: total.last_trade,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
