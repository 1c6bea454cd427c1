#ifndef DOWNPOUR_SERVER_STORE_NORMAL_QUANTILE_H_
#define DOWNPOUR_SERVER_STORE_NORMAL_QUANTILE_H_

namespace downpour {

// The z below which a standard normal variable lies with probability p: turns a uniform number into a normal one. For p
// in (0, 1), to a relative error of about 1e-15. Algorithm AS 241 (Wichura, "The Percentage Points of the Normal
// Distribution", Applied Statistics 37, 1988), with a logarithm of our own, so that it gives the same bits everywhere.
double NormalQuantile(double p);

// ln(x) for finite x > 0 that is not subnormal, within a few units in the last place.
double PortableLog(double x);

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_STORE_NORMAL_QUANTILE_H_
