WITH "t15" AS (
  SELECT
    "t6"."key",
    "t7"."at",
    "t7"."period",
    (
      "t6"."key" * 3
    ) + "t7"."position" + 1 AS "cell"
  FROM "passed_in_1" AS "t6"
  CROSS JOIN "passed_in_2" AS "t7"
), "t37" AS (
  SELECT
    "t36"."key",
    "t36"."since",
    MAX("t36"."until") OVER (
      PARTITION BY "t36"."key", "t36"."seat"
      ORDER BY "t36"."since" ASC, "t36"."until" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 preceding
    ) AS "before",
    MAX("t36"."until") OVER (
      PARTITION BY "t36"."key", "t36"."seat"
      ORDER BY "t36"."since" ASC, "t36"."until" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS "latest",
    LEAD("t36"."since") OVER (
      PARTITION BY "t36"."key", "t36"."seat"
      ORDER BY "t36"."since" ASC, "t36"."until" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS "following"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        (
          "t34"."number" * 1
        ) + "t34"."key" AS "key",
        "t34"."seat",
        GREATEST("t34"."login", 1788220800) AS "since",
        LEAST(COALESCE("t34"."logout", 8589934592), 1788228000) AS "until"
      FROM (
        SELECT
          "t24"."key",
          "t33"."number",
          "t33"."seat",
          GREATEST("t33"."login", "t24"."since") AS "login",
          LEAST(COALESCE("t33"."logout", 8589934592), "t24"."until") AS "logout"
        FROM (
          SELECT
            "t31"."tenant",
            "t31"."agent",
            "t31"."place",
            CASE
              WHEN "t31"."place" <> ''
              THEN 'place ' || "t31"."place"
              WHEN "t31"."dn" <> ''
              THEN 'DN ' || "t31"."dn"
              WHEN "t31"."agent" <> ''
              THEN 'agent ' || "t31"."agent"
              ELSE 'session ' || "t31"."session_id"
            END AS "seat",
            "t31"."login",
            "t31"."logout",
            0 AS "number"
          FROM (
            SELECT
              "t8"."source",
              "t8"."session_id",
              "t8"."tenant",
              "t8"."agent",
              "t8"."place",
              "t8"."dn",
              "t8"."switch_kind",
              "t8"."media",
              "t8"."client",
              "t8"."queues",
              "t8"."login",
              COALESCE("t8"."logout", "t30"."last") AS "logout",
              "t8"."estimated" OR (
                "t30"."last" IS NOT NULL
              ) AS "estimated"
            FROM "sessions" AS "t8"
            LEFT OUTER JOIN (
              SELECT
                "t28"."fact",
                "t28"."last"
              FROM (
                SELECT
                  "t27"."fact",
                  MAX("t27"."ended") AS "last",
                  COUNT(*) AS "sources",
                  COUNT("t27"."ended") AS "dead"
                FROM (
                  SELECT
                    "t26"."fact",
                    "t26"."observer",
                    MIN("t26"."ended") AS "ended"
                  FROM (
                    SELECT
                      "t22"."fact",
                      "t22"."observer",
                      "t13"."ended"
                    FROM (
                      SELECT
                        *
                      FROM (
                        SELECT
                          "t11"."session_id" AS "fact",
                          "t11"."login" AS "begins",
                          UNNEST(STR_SPLIT_REGEX("t11"."source", '[|]')) AS "observer"
                        FROM (
                          SELECT
                            *
                          FROM "sessions" AS "t2"
                          WHERE
                            "t2"."logout" IS NULL
                        ) AS "t11"
                      ) AS "t17"
                      WHERE
                        "t17"."observer" <> ''
                    ) AS "t22"
                    LEFT OUTER JOIN (
                      SELECT
                        "t5"."source" AS "observer",
                        "t5"."ended"
                      FROM "ends" AS "t5"
                    ) AS "t13"
                      ON "t22"."observer" = "t13"."observer" AND "t13"."ended" >= "t22"."begins"
                  ) AS "t26"
                  GROUP BY
                    1,
                    2
                ) AS "t27"
                GROUP BY
                  1
              ) AS "t28"
              WHERE
                "t28"."sources" = "t28"."dead"
            ) AS "t30"
              ON "t8"."session_id" = "t30"."fact"
          ) AS "t31"
          WHERE
            CONTAINS("t31"."media", '|email|')
        ) AS "t33"
        INNER JOIN (
          SELECT
            "t18"."key",
            "t18"."tenant",
            "t18"."member",
            "t18"."since",
            "t18"."until"
          FROM (
            SELECT
              "t14"."tenant",
              "t14"."group",
              "t14"."member",
              "t14"."since",
              "t14"."until",
              "t9"."key"
            FROM (
              SELECT
                "t3"."tenant",
                "t3"."name" AS "group",
                "t3"."detail" AS "member",
                "t3"."since",
                COALESCE("t3"."until", 8589934592) AS "until"
              FROM "configuration" AS "t3"
              WHERE
                "t3"."kind" = 'agent-group'
            ) AS "t14"
            INNER JOIN "passed_in_3" AS "t9"
              ON "t14"."tenant" = "t9"."tenant" AND "t14"."group" = "t9"."group"
          ) AS "t18"
          WHERE
            "t18"."member" <> ''
        ) AS "t24"
          ON "t33"."agent" = "t24"."member"
          AND "t33"."tenant" = "t24"."tenant"
          AND "t24"."since" < COALESCE("t33"."logout", 8589934592)
          AND "t24"."until" > "t33"."login"
      ) AS "t34"
    ) AS "t35"
    WHERE
      "t35"."since" < "t35"."until"
  ) AS "t36"
)
SELECT
  "t49"."key",
  "t49"."period",
  "t49"."found" >> 34 AS "peak",
  CASE
    WHEN (
      "t49"."found" >> 34
    ) > 0
    THEN (
      (
        (
          "t49"."found" & 17179869183
        ) + 1788220800
      ) - 1
    ) - (
      (
        (
          (
            "t49"."found" & 17179869183
          ) + 1788220800
        ) - 1
      ) % 1
    )
    ELSE CAST(NULL AS BIGINT)
  END AS "last"
FROM (
  SELECT
    "t48"."key",
    "t48"."period",
    MAX("t48"."found") AS "found"
  FROM (
    SELECT
      "t47"."cell",
      "t47"."found",
      "t21"."key",
      "t21"."at",
      "t21"."period"
    FROM (
      SELECT
        "t45"."cell",
        MAX("t45"."found") AS "found"
      FROM (
        SELECT
          "t44"."before" >> 32 AS "cell",
          (
            (
              "t44"."before" & 4294967295
            ) << 34
          ) | (
            (
              "t44"."event" >> 2
            ) & 17179869183
          ) AS "found"
        FROM (
          SELECT
            "t43"."event",
            "t43"."change",
            SUM("t43"."change") OVER (ORDER BY "t43"."event" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - "t43"."change" AS "before"
          FROM (
            SELECT
              "t42"."event",
              CASE
                WHEN (
                  "t42"."event" & 3
                ) = 2
                THEN 1
                WHEN (
                  "t42"."event" & 3
                ) = 0
                THEN -1
                ELSE 4294967296
              END AS "change"
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      "t38"."key" * 68719476736
                    ) + (
                      (
                        "t38"."since" - 1788220800
                      ) * 4
                    ) + 2 AS "event"
                  FROM "t37" AS "t38"
                  WHERE
                    (
                      "t38"."before" IS NULL
                    ) OR (
                      "t38"."since" > "t38"."before"
                    )
                ) AS "t39"
                UNION ALL
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      "t38"."key" * 68719476736
                    ) + (
                      (
                        "t38"."latest" - 1788220800
                      ) * 4
                    ) + 0 AS "event"
                  FROM "t37" AS "t38"
                  WHERE
                    (
                      "t38"."following" IS NULL
                    ) OR (
                      "t38"."following" > "t38"."latest"
                    )
                ) AS "t40"
              ) AS "t41"
              UNION ALL
              SELECT
                *
              FROM (
                SELECT
                  (
                    "t16"."key" * 68719476736
                  ) + (
                    (
                      "t16"."at" - 1788220800
                    ) * 4
                  ) + 1 AS "event"
                FROM "t15" AS "t16"
              ) AS "t25"
            ) AS "t42"
          ) AS "t43"
        ) AS "t44"
      ) AS "t45"
      GROUP BY
        1
    ) AS "t47"
    INNER JOIN (
      SELECT
        *
      FROM "t15" AS "t16"
      WHERE
        "t16"."period" >= 0
    ) AS "t21"
      ON "t47"."cell" = "t21"."cell"
  ) AS "t48"
  GROUP BY
    1,
    2
) AS "t49"
