import Testing

@testable import Execution

@Suite("A rate limit")
struct RateLimitTests {
    @Test("lets a burst through, then so many a second, and says how long to wait")
    func rate() {
        var limit = RateLimit(burst: 3, perSecond: 2)
        let taken = (0..<3).map { _ in limit.take(at: .seconds(100)) }
        #expect(taken == [nil, nil, nil])
        #expect(limit.take(at: .seconds(100)) == .seconds(0.5))
        #expect(limit.take(at: .seconds(100.25)) == .seconds(0.25))
        #expect(limit.take(at: .seconds(100.5)) == nil)
        #expect(limit.take(at: .seconds(100.5)) == .seconds(0.5))
    }

    @Test("gives a long pause back as one burst and no more")
    func pause() {
        var limit = RateLimit(burst: 3, perSecond: 2)
        #expect(limit.take(at: .zero) == nil)
        let taken = (0..<4).map { _ in limit.take(at: .seconds(3600)) }
        #expect(taken == [nil, nil, nil, .seconds(0.5)])
    }
}
