#include "common/rpc/piece_check.h"

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;

const std::string kBytes(64, 'x');

template <typename Header>
SlicedPiece<Header> Piece(DataType dtype, uint64_t elements, uint64_t total, uint64_t offset, size_t payload) {
  SlicedPiece<Header> piece;
  piece.header.set_dtype(dtype);
  piece.header.set_element_count(elements);
  piece.header.set_total_bytes(total);
  piece.header.set_offset(offset);
  piece.payload.emplace_back(reinterpret_cast<const std::byte*>(kBytes.data()), payload);
  return piece;
}

PieceFault CheckPush(DataType dtype, uint64_t elements, uint64_t total, uint64_t offset, size_t payload) {
  return CheckPiece(Piece<wire::PushPiece>(dtype, elements, total, offset, payload));
}

PieceFault CheckWeights(DataType dtype, uint64_t elements, uint64_t total, uint64_t offset, size_t payload) {
  return CheckPiece(Piece<wire::WeightsPiece>(dtype, elements, total, offset, payload));
}

TEST(PieceCheckTest, TakesPiecesThatAgreeWithThemselves) {
  EXPECT_FALSE(CheckPush(FLOAT32, 4, 16, 0, 16));
  EXPECT_FALSE(CheckPush(FLOAT32, 4, 16, 13, 3));
  EXPECT_FALSE(CheckPush(BFLOAT16, 4, 8, 0, 1));
  EXPECT_FALSE(CheckPush(FLOAT16, 4, 8, 7, 1));
  EXPECT_FALSE(CheckPush(FLOAT32, 0, 0, 0, 0));
  EXPECT_FALSE(CheckWeights(INT64, 2, 16, 8, 8));
  EXPECT_FALSE(CheckWeights(UINT8, 64, 64, 0, 64));
}

TEST(PieceCheckTest, RefusesTypesThatAreNotForGradients) {
  for (const int dtype : {0, 4, 5, 6, 7, 8, -1}) {
    EXPECT_EQ(CheckPush(static_cast<DataType>(dtype), 0, 0, 0, 0).reason, wire::Refusal::DTYPE) << dtype;
  }
  EXPECT_THAT(CheckPush(FLOAT64, 0, 0, 0, 0).status.message(), HasSubstr("dtype 4 is none that gradients may have"));
  for (const int dtype : {0, 8, -1}) {
    EXPECT_EQ(CheckWeights(static_cast<DataType>(dtype), 0, 0, 0, 0).reason, wire::Refusal::DTYPE) << dtype;
  }
}

TEST(PieceCheckTest, RefusesBytesThatAreNotTheElements) {
  for (const uint64_t total : {0, 15, 17}) {
    EXPECT_EQ(CheckPush(FLOAT32, 4, total, 0, 4).reason, wire::Refusal::BYTE_COUNT) << total;
  }
  EXPECT_THAT(CheckPush(FLOAT32, 4, 17, 0, 4).status.message(), HasSubstr("total_bytes is 17"));
  // 2^62 elements of 4 bytes are 0 modulo 2^64.
  EXPECT_TRUE(CheckPush(FLOAT32, uint64_t{1} << 62, 0, 0, 0));
}

TEST(PieceCheckTest, RefusesAPayloadBeyondTheEnd) {
  EXPECT_EQ(CheckPush(FLOAT32, 4, 16, 13, 4).reason, wire::Refusal::BYTE_COUNT);
  EXPECT_EQ(CheckPush(FLOAT32, 4, 16, 17, 0).reason, wire::Refusal::BYTE_COUNT);
  EXPECT_TRUE(CheckWeights(FLOAT32, 4, 16, std::numeric_limits<uint64_t>::max() - 1, 4));
  EXPECT_THAT(CheckPush(FLOAT32, 4, 16, 13, 4).status.message(), HasSubstr("at offset 13 goes past"));
}

TEST(PieceCheckTest, RefusesAPayloadThatNobodyHasFetchedFromSharedMemory) {
  auto push = Piece<wire::PushPiece>(FLOAT32, 4, 16, 0, 16);
  push.header.mutable_shared_payload()->set_length(16);
  EXPECT_EQ(CheckPiece(push).reason, wire::Refusal::BYTE_COUNT);
  EXPECT_THAT(CheckPiece(push).status.message(), HasSubstr("shared memory"));
  auto empty = Piece<wire::WeightsPiece>(FLOAT32, 0, 0, 0, 0);
  empty.header.mutable_shared_payload();
  EXPECT_TRUE(CheckPiece(empty));
}

TEST(PieceCheckTest, RefusesAnEmptyPieceOfSomething) {
  EXPECT_EQ(CheckPush(FLOAT32, 4, 16, 4, 0).reason, wire::Refusal::BYTE_COUNT);
}

}  // namespace
}  // namespace downpour
